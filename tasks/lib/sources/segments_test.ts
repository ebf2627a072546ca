import assert from "node:assert/strict";
import fc from "fast-check";
import { cutDay, DAY_MINUTES, groupRows, MAX_GROUP_ROWS, type MinuteCount } from "./segments.ts";

const DAY = "2025-09-01";

/** Parts of a day, ascending, with rows of their own each. */
const PARTS: fc.Arbitrary<MinuteCount[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: DAY_MINUTES / 10 - 1 }), { minLength: 1, maxLength: 144 })
  .chain((tens) =>
    fc.array(fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 3 * MAX_GROUP_ROWS })), {
      minLength: tens.length,
      maxLength: tens.length,
    }).map((rows) => tens.sort((a, b) => a - b).map((ten, at) => [10 * ten, rows[at]]))
  );

const rowsOf = (parts: readonly MinuteCount[]) => parts.reduce((sum, [, rows]) => sum + rows, 0);

Deno.test("cutDay() covers the day without a gap, and each segment has the rows of its minutes", () => {
  fc.assert(fc.property(PARTS, (parts) => {
    const segments = cutDay(DAY, parts);
    const ends = segments.map(({ minutes }) => minutes);
    assert.deepEqual(ends.map(([from]) => from), [0, ...ends.slice(0, -1).map(([, until]) => until)]);
    assert.equal(ends.at(-1)![1], DAY_MINUTES);
    for (const { day, minutes: [from, until], rows } of segments) {
      assert.equal(day, DAY);
      assert.equal(rows, rowsOf(parts.filter(([minute]) => minute >= from && minute < until)));
      assert.ok(rows > 0);
    }
  }));
});

Deno.test("cutDay() makes segments of one row group at most, but where a part alone has more", () => {
  fc.assert(fc.property(PARTS, (parts) => {
    const segments = cutDay(DAY, parts);
    for (const { minutes: [from, until], rows } of segments) {
      const ours = parts.filter(([minute]) => minute >= from && minute < until);
      assert.ok(rows <= MAX_GROUP_ROWS || ours.length === 1, `${rows} rows of ${ours.length} parts`);
    }
  }));
});

Deno.test("cutDay() makes hardly more segments than row groups, all of about one size, of parts that are small", () => {
  const part = fc.integer({ min: 1, max: 2000 });
  fc.assert(fc.property(fc.array(part, { minLength: 144, maxLength: 144 }), (counts) => {
    const parts = counts.map((rows, ten): MinuteCount => [10 * ten, rows]);
    const segments = cutDay(DAY, parts);
    const groups = Math.ceil(rowsOf(parts) / MAX_GROUP_ROWS);
    assert.ok(segments.length <= groups + 1, `${segments.length} segments of ${groups}`);
    const sizes = segments.slice(0, groups - 1).map(({ rows }) => rows);
    for (const rows of sizes) assert.ok(Math.abs(rows - rowsOf(parts) / groups) <= 4000, `${rows} rows`);
  }));
});

Deno.test("cutDay() takes a day of one part as one segment, however many rows it has", () => {
  for (const rows of [1, MAX_GROUP_ROWS, MAX_GROUP_ROWS + 1, 10 * MAX_GROUP_ROWS]) {
    assert.deepEqual(cutDay(DAY, [[710, rows]]), [{ day: DAY, minutes: [0, DAY_MINUTES], rows }]);
  }
});

Deno.test("groupRows() cuts many rows evenly, and leaves few rows room for more", () => {
  assert.deepEqual([0, 1, MAX_GROUP_ROWS].map(groupRows), [MAX_GROUP_ROWS, MAX_GROUP_ROWS, MAX_GROUP_ROWS]);
  assert.equal(groupRows(MAX_GROUP_ROWS + 1), MAX_GROUP_ROWS / 2 + 1);
  fc.assert(fc.property(fc.integer({ min: MAX_GROUP_ROWS + 1, max: 1e7 }), (rows) => {
    const each = groupRows(rows);
    assert.ok(each <= MAX_GROUP_ROWS);
    assert.equal(Math.ceil(rows / each), Math.ceil(rows / MAX_GROUP_ROWS));
  }));
});
