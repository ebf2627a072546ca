import assert from "node:assert/strict";
import { nearestOf } from "./nearest.ts";

const KNOWN = ["dry-run", "totals", "days", "quiet"];

Deno.test("nearestOf() finds the name with one slip of each kind", () => {
  const slips = { "dryrun": "dry-run", "dry-runn": "dry-run", "totols": "totals", "toatls": "totals", "dasy": "days" };
  for (const [name, meant] of Object.entries(slips)) assert.equal(nearestOf(name, KNOWN), meant, name);
});

Deno.test("nearestOf() finds nothing where no name is near", () => {
  for (const name of ["", "x", "zzzz", "total_of_all", "dxyz"]) assert.equal(nearestOf(name, KNOWN), undefined, name);
});

Deno.test("nearestOf() takes the nearest of several, and of equally near ones the first", () => {
  assert.equal(nearestOf("brier_month", ["brier", "brier_days", "brier_months"]), "brier_months");
  assert.equal(nearestOf("cost", ["costs", "coat"]), "costs");
});
