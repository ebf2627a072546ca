import assert from "node:assert/strict";
import type { Row } from "./answer.ts";
import { lastDays, stepOf, toBins } from "./days.ts";

const DAY_MS = 86_400_000;
const rowsOf = (count: number, from = "2025-05-01"): Row[] =>
  Array.from({ length: count }, (_, index) => ({
    dt: new Date(Date.parse(from) + index * DAY_MS).toISOString().slice(0, 10),
  }));
const begins = (rows: readonly Row[], step: "day" | "week") =>
  toBins(rows, step).map(({ from, rows }) => [from.toISOString().slice(0, 10), rows.length]);

Deno.test("stepOf() is a week from 120 days on", () => {
  assert.equal(stepOf(rowsOf(119)), "day");
  assert.equal(stepOf(rowsOf(120)), "week");
  assert.equal(stepOf([rowsOf(1)[0], rowsOf(1, "2025-12-01")[0]]), "week");
});

Deno.test("stepOf() of no rows is a day", () => {
  assert.equal(stepOf([]), "day");
});

Deno.test("toBins() has weeks from Monday to Sunday", () => {
  // 2025-05-01 was a Thursday.
  assert.deepEqual(begins(rowsOf(12), "week"), [["2025-04-28", 4], ["2025-05-05", 7], ["2025-05-12", 1]]);
});

Deno.test("toBins() orders days, and leaves out rows without one", () => {
  const rows = [{ dt: "2025-05-03" }, { dt: null }, { dt: "2025-05-01" }];
  assert.deepEqual(begins(rows, "day"), [["2025-05-01", 1], ["2025-05-03", 1]]);
});

Deno.test("lastDays() counts days back from the last that is there", () => {
  assert.deepEqual(
    lastDays([...rowsOf(9), { dt: null }], 7).map(({ dt }) => dt),
    rowsOf(7, "2025-05-03").map(({ dt }) => dt),
  );
});
