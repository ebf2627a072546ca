import assert from "node:assert/strict";
import { formatDroppedCheck, parseDroppedChecks } from "./dropped_checks.ts";

const COMMENT =
  'Days.\nDropped check: days_n CHECK ((n >= 0))\nDropped check: "a ""b" CHECK (((n)::text <> \')\'::text))';

Deno.test("parseDroppedChecks() finds the lines of a comment that tell a dropped check", () => {
  assert.deepEqual(parseDroppedChecks({ table: "days", comment: COMMENT, constraints: ["days_pkey"] }), [
    { table: "days", name: "days_n", condition: "(n >= 0)" },
    { table: "days", name: '"a ""b"', condition: "((n)::text <> ')'::text)" },
  ]);
});

Deno.test("parseDroppedChecks() leaves out what is there again, and lines that are not quite like that", () => {
  assert.deepEqual(parseDroppedChecks({ table: "days", comment: COMMENT, constraints: ["days_n", '"a ""b"'] }), []);
  for (
    const line of ["days_n CHECK (n)", "Dropped check: days_n", "Dropped check: a b CHECK (n)", "Dropped check: ab"]
  ) {
    assert.deepEqual(parseDroppedChecks({ table: "days", comment: `x\n${line}`, constraints: [] }), [], line);
  }
  const inALine = "no Dropped check: days_n CHECK ((n >= 0))";
  assert.deepEqual(parseDroppedChecks({ table: "days", comment: inALine, constraints: [] }), []);
});

Deno.test("formatDroppedCheck() tells how to see the rows and how to get the check back", () => {
  assert.equal(
    formatDroppedCheck({ table: "days", name: "days_n", condition: "(n >= 0)" }),
    "constraint days.days_n: dropped, because rows violate it; to see them: select * from days where not ((n >= 0)); " +
      "when they are corrected: alter table days add constraint days_n CHECK ((n >= 0))",
  );
});
