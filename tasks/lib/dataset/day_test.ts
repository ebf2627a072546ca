import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY_MICROS, dayOf, isDay, nextDay, startOf } from "./day.ts";

const FIRST = -62135596800000000n;
const LAST = 253402300799999999n;
const MICROS = fc.bigInt({ min: FIRST, max: LAST });

Deno.test("dayOf() and startOf() agree on every instant of the years 1 to 9999", () => {
  fc.assert(fc.property(MICROS, (micros) => {
    const day = dayOf(micros);
    assert.ok(isDay(day));
    const start = startOf(day);
    assert.ok(start <= micros && micros < start + DAY_MICROS);
    assert.equal(dayOf(start), day);
    assert.equal(dayOf(start + DAY_MICROS - 1n), day);
  }));
});

Deno.test("dayOf() keeps the order of instants", () => {
  fc.assert(fc.property(MICROS, MICROS, (a, b) => a <= b === dayOf(a) <= dayOf(b) || dayOf(a) === dayOf(b)));
});

Deno.test("nextDay() is the day whose start is the end of the one before", () => {
  fc.assert(fc.property(fc.bigInt({ min: FIRST, max: LAST - DAY_MICROS }), (micros) => {
    const day = dayOf(micros);
    assert.equal(startOf(nextDay(day)), startOf(day) + DAY_MICROS);
    assert.ok(nextDay(day) > day);
  }));
  assert.equal(nextDay("9999-12-31"), "10000-01-01");
});

Deno.test("dayOf() gives known days", () => {
  const known = [[FIRST, "0001-01-01"], [-1n, "1969-12-31"], [0n, "1970-01-01"], [LAST, "9999-12-31"]] as const;
  for (const [micros, day] of known) assert.equal(dayOf(micros), day);
  assert.equal(dayOf(1709164800000000n), "2024-02-29");
});

Deno.test("isDay() takes days of the calendar alone", () => {
  for (const day of ["0001-01-01", "2024-02-29", "2025-12-31", "9999-12-31"]) assert.equal(isDay(day), true, day);
  const others = [
    "",
    "infinity",
    "0000-12-31",
    "0000-01-01",
    "10000-01-01",
    "2025-2-1",
    "2025-02-29",
    "2025-13-01",
    "2025-00-10",
    "2025-04-31",
    "2025-01-01T00",
    " 2025-01-01",
    "2025-01-01\n",
    "../2025-01-01",
    "-001-01-01",
    "0001-01-01 BC",
  ];
  for (const text of others) assert.equal(isDay(text), false, text);
});
