import assert from "node:assert/strict";
import fc from "fast-check";
import { dayOf } from "./day.ts";
import { isInRange, rangesOf } from "./source.ts";

Deno.test("rangesOf() joins wanted days where no other day is between them", () => {
  const days = ["2025-01-01", "2025-01-05", "2025-01-06", "2025-02-01", "2025-03-01"];
  const ranges = (...wanted: string[]) => rangesOf(days, new Set(wanted));
  assert.deepEqual(ranges(), []);
  assert.deepEqual(ranges("2025-01-05"), [{ since: "2025-01-05", until: "2025-01-05" }]);
  assert.deepEqual(ranges(...days), [{ since: "2025-01-01", until: "2025-03-01" }]);
  assert.deepEqual(ranges("2025-01-01", "2025-01-05", "2025-02-01", "2025-03-01"), [
    { since: "2025-01-01", until: "2025-01-05" },
    { since: "2025-02-01", until: "2025-03-01" },
  ]);
  assert.deepEqual(ranges("2024-12-31"), []);
});

Deno.test("rangesOf() holds all wanted days and no other", () => {
  const day = fc.integer({ min: 0, max: 60 }).map((n) => dayOf(BigInt(n) * 86_400_000_000n));
  fc.assert(fc.property(fc.uniqueArray(fc.tuple(day, fc.boolean()), { selector: ([d]) => d }), (pairs) => {
    const days = pairs.map(([d]) => d).sort();
    const wanted = pairs.filter(([, isWanted]) => isWanted).map(([d]) => d).sort();
    const ranges = rangesOf(days, new Set(wanted));
    assert.deepEqual(days.filter((d) => ranges.some((range) => isInRange(d, range))), wanted);
    const bounds = ranges.flatMap(({ since, until }) => [since, until]);
    assert.deepEqual(bounds, bounds.toSorted());
  }));
});

Deno.test("isInRange() takes open and closed bounds", () => {
  assert.equal(isInRange("2025-01-02", {}), true);
  assert.equal(isInRange("2025-01-02", { since: "2025-01-02", until: "2025-01-02" }), true);
  assert.equal(isInRange("2025-01-02", { since: "2025-01-03" }), false);
  assert.equal(isInRange("2025-01-02", { until: "2025-01-01" }), false);
});
