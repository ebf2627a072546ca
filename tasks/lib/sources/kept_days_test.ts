import assert from "node:assert/strict";
import { createKeptDays } from "./kept_days.ts";
import type { DayBlock } from "../dataset/source.ts";

const block = (day: string, sizeBytes: number): DayBlock => ({ day, tuples: new Uint8Array(sizeBytes), rows: 1 });

Deno.test("createKeptDays() keeps the last days that fit, each of them whole", () => {
  const kept = createKeptDays(100);
  const blocks = [block("2025-01-01", 60), block("2025-01-02", 20), block("2025-01-02", 30), block("2025-01-03", 50)];
  blocks.forEach(kept.add);
  assert.deepEqual(["2025-01-01", "2025-01-02", "2025-01-03"].map(kept.has), [false, true, true]);
  assert.deepEqual(kept.take("2025-01-02"), blocks.slice(1, 3));
  assert.deepEqual([kept.has("2025-01-02"), kept.take("2025-01-02")], [false, []]);
  assert.deepEqual(kept.take("2025-01-03"), blocks.slice(3));
});

Deno.test("createKeptDays() never keeps the end of a day whose start is gone", () => {
  const kept = createKeptDays(100);
  [block("2025-01-01", 70), block("2025-01-01", 70), block("2025-01-01", 10)].forEach(kept.add);
  assert.equal(kept.has("2025-01-01"), false);
  kept.add(block("2025-01-02", 100));
  assert.equal(kept.has("2025-01-02"), true);
});

Deno.test("createKeptDays() drops the days that nobody wants", () => {
  const kept = createKeptDays(100);
  [block("2025-01-01", 40), block("2025-01-02", 40)].forEach(kept.add);
  kept.retain(["2025-01-01"]);
  assert.deepEqual(["2025-01-01", "2025-01-02"].map(kept.has), [true, false]);
});
