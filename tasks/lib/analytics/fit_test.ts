import assert from "node:assert/strict";
import { fitWidths } from "./fit.ts";

const COLUMNS = [{ natural: 5, floor: 5 }, { natural: 30, floor: 10 }, { natural: 50, floor: 10 }];

Deno.test("fitWidths() leaves columns that fit as wide as they want to be", () => {
  assert.deepEqual(fitWidths(COLUMNS, 85), [5, 30, 50]);
});

Deno.test("fitWidths() narrows the widest columns first", () => {
  assert.deepEqual(fitWidths(COLUMNS, 75), [5, 30, 40]);
  assert.deepEqual(fitWidths(COLUMNS, 45), [5, 20, 20]);
});

Deno.test("fitWidths() narrows no column below its floor", () => {
  assert.deepEqual(fitWidths(COLUMNS, 25), [5, 10, 10]);
  assert.equal(fitWidths(COLUMNS, 24), undefined);
});
