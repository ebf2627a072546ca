import assert from "node:assert/strict";
import { formatCount, formatCountOf, formatFixed, formatPercent, formatUsd, shareBounds } from "./numbers.ts";

Deno.test("formatCount() keeps thousands apart", () => {
  assert.deepEqual([0, 999, 1000, 1234567].map(formatCount), ["0", "999", "1,000", "1,234,567"]);
});

Deno.test("formatCountOf() knows one from several", () => {
  assert.deepEqual([0, 1, 2000].map((count) => formatCountOf(count, "run")), ["0 runs", "1 run", "2,000 runs"]);
});

Deno.test("numbers that are none are a dash", () => {
  assert.deepEqual([formatFixed(NaN, 2), formatPercent(NaN), formatUsd(NaN)], ["–", "–", "–"]);
});

Deno.test("formatFixed() has no minus before zero", () => {
  assert.deepEqual([-0.0004, -0.12].map((value) => formatFixed(value, 2)), ["0.00", "−0.12"]);
});

Deno.test("shareBounds() are Wilson's", () => {
  const { lo, hi } = shareBounds(0.9, 10);
  // The values of statsmodels' proportion_confint(9, 10, method="wilson").
  assert.deepEqual([lo.toFixed(4), hi.toFixed(4)], ["0.5958", "0.9821"]);
});
