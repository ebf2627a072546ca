import assert from "node:assert/strict";
import { columnsOf, concat, tupleOf } from "../../../tests/support/columns.ts";
import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "../copy/columns.ts";
import { type Day, DAY_MICROS, startOf } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";
import { sha256 } from "../task/digest.ts";
import { Groups } from "./groups.ts";
import type { RunEvent, SegmentResult } from "./messages.ts";
import { TableRows } from "./table_rows.ts";

const HEADER = Uint8Array.fromHex("5047434f50590aff0d0a000000000000000000");
const TRAILER = Uint8Array.of(0xff, 0xff);
const FIELDS = columnsOf({ at: "timestamptz", text: "text" });
const MINUTE = 60_000_000n;

/** A tuple of a time, in microseconds since 1970, and a text. */
function row(micros: bigint, text: string): Uint8Array {
  const field = BigInt.asUintN(64, micros - POSTGRES_EPOCH_MICROS).toString(16).padStart(16, "0");
  return tupleOf([field, new TextEncoder().encode(text).toHex()]);
}

/** A tuple of a day, and a text. */
function dated(day: Day, text: string): Uint8Array {
  const field = Number(startOf(day) / DAY_MICROS) - POSTGRES_EPOCH_DAYS;
  return tupleOf([(field >>> 0).toString(16).padStart(8, "0"), new TextEncoder().encode(text).toHex()]);
}

const at = (day: Day, minute = 0) => startOf(day) + BigInt(minute) * MINUTE;

const segment = (day: Day, from = 0, until = 1440): Segment => ({ day, minutes: [from, until], rows: 1 });

/** What is found in each segment for some messages, each of which stands somewhere in a larger buffer. */
function read(messages: readonly Uint8Array[], segments: readonly Segment[], fields = FIELDS): SegmentResult[] {
  const results: SegmentResult[] = [];
  const emit = (event: RunEvent) => void (event.kind === "segment" && results.push(event.result));
  const rows = new TableRows(segments, fields, new Groups({ takeBadRows: () => [], emit }));
  for (const message of messages) {
    const framed = concat(Uint8Array.of(1, 2, 3), message, row(0n, "behind"));
    rows.add(framed, 3, 3 + message.length);
    // Its memory is used again.
    framed.fill(0xaa);
  }
  rows.end();
  return results;
}

const resultOf = (...tuples: readonly Uint8Array[]): SegmentResult => ({
  rows: tuples.length,
  sha256: sha256(concat(...tuples)),
  badRows: [],
});

Deno.test("TableRows gives each day its rows, from the first microsecond to the last, in the years 1 to 9999", () => {
  const days = ["0001-01-01", "1969-12-31", "1970-01-01", "1999-12-31", "2000-01-01", "2025-08-29", "9999-12-31"];
  const rows = days.map((day) => [
    row(at(day), "first"),
    row(at(day) + 1n, "a"),
    row(at(day) + DAY_MICROS - 1n, "last"),
  ]);
  const found = read([HEADER, ...rows.flat(), TRAILER], days.map((day) => segment(day)));
  assert.deepEqual(found, rows.map((ours) => resultOf(...ours)));
});

Deno.test("TableRows gives each day of a date its rows", () => {
  const days = ["0001-01-01", "1969-12-31", "1970-01-01", "2000-01-01", "2000-01-02", "9999-12-31"];
  const rows = days.map((day) => [dated(day, "a"), dated(day, "b")]);
  const found = read(
    [HEADER, ...rows.flat(), TRAILER],
    days.map((day) => segment(day)),
    columnsOf({ day: "date", text: "text" }),
  );
  assert.deepEqual(found, rows.map((ours) => resultOf(...ours)));
});

Deno.test("TableRows gives the minutes of a day their rows, and segments without a row an end of their own", () => {
  const day = "2025-08-29";
  const segments = [
    segment("2025-08-28"),
    segment(day, 0, 10),
    segment(day, 10, 1430),
    segment(day, 1430, 1440),
    segment("2025-08-30"),
    segment("2025-08-31"),
  ];
  const [first, last] = [row(at(day), "a"), row(at(day, 10) - 1n, "b")];
  const [late, next] = [row(at(day, 1430), "c"), row(at("2025-08-30"), "d")];
  const found = read([HEADER, first, last, late, next, TRAILER], segments);
  assert.deepEqual(found, [
    resultOf(),
    resultOf(first, last),
    resultOf(),
    resultOf(late),
    resultOf(next),
    resultOf(),
  ]);
});

Deno.test("TableRows takes a header with the first row or with the trailer", () => {
  const [a, b] = [row(at("2025-08-29"), "a"), row(at("2025-08-29", 1), "b")];
  const segments = [segment("2025-08-29")];
  assert.deepEqual(read([concat(HEADER, a), b, TRAILER], segments), [resultOf(a, b)]);
  assert.deepEqual(read([concat(HEADER, TRAILER)], segments), [resultOf()]);
  assert.deepEqual(read([HEADER, TRAILER], segments), [resultOf()]);
});

Deno.test("TableRows takes rows of any length, also larger than a block", () => {
  const long = "x".repeat(100_000);
  const texts = [...Array(12).fill(long), "y".repeat(1_500_000), "z", ...Array(30).fill(long), "end"];
  const rows = texts.map((text, n) => row(at("2025-08-29", n), text));
  assert.deepEqual(read([HEADER, ...rows, TRAILER], [segment("2025-08-29")]), [resultOf(...rows)]);
});

Deno.test("TableRows refuses a stream that ends without its trailer, or begins without its header", () => {
  const one = row(at("2025-08-29"), "a");
  for (const messages of [[], [HEADER], [HEADER, one], [concat(HEADER, one)]]) {
    assert.throws(() => read(messages, [segment("2025-08-29")]), {
      name: "CopyFormatError",
      message: /the stream ends without its trailer/,
    });
  }
  assert.throws(() => read([one, TRAILER], [segment("2025-08-29")]), { name: "CopyFormatError" });
});

Deno.test("TableRows refuses a row that lies before, between or behind its segments", () => {
  const segments = [segment("2025-08-28", 10, 1440), segment("2025-08-30", 0, 20)];
  const [early, late] = [at("2025-08-28", 10), at("2025-08-30", 20)];
  for (const stray of [early - 1n, at("2025-08-29"), at("2025-08-29") + DAY_MICROS - 1n, late]) {
    const rows = [early, stray, late - 1n].sort((a, b) => a < b ? -1 : 1).map((micros) => row(micros, "a"));
    assert.throws(() => read([HEADER, ...rows, TRAILER], segments), {
      name: "CopyFormatError",
      message: /a row is of another day than it should be/,
    });
  }
  const fields = columnsOf({ day: "date", text: "text" });
  for (const stray of ["2025-08-27", "2025-08-29", "2025-08-31"]) {
    const rows = ["2025-08-28", stray, "2025-08-30"].sort().map((day) => dated(day, "a"));
    assert.throws(
      () => read([HEADER, ...rows, TRAILER], [segment("2025-08-28"), segment("2025-08-30")], fields),
      { name: "CopyFormatError", message: /a row is of another day/ },
    );
  }
});

Deno.test("TableRows refuses what is no tuple of its columns", () => {
  const whole = row(at("2025-08-29"), "a");
  const strays = [
    tupleOf(["00".repeat(8)]),
    tupleOf(["00".repeat(8), "61", "61"]),
    tupleOf([null, "61"]),
    tupleOf(["00".repeat(4), "61"]),
    tupleOf(["00".repeat(264), "61"]),
    whole.subarray(0, 1),
    whole.subarray(0, 13),
    new Uint8Array(),
  ];
  for (const stray of strays) {
    assert.throws(() => read([HEADER, whole, stray, TRAILER], [segment("2025-08-29")]), {
      name: "CopyFormatError",
      message: /something else than a tuple of the columns/,
    });
  }
  assert.throws(() => read([HEADER, whole, TRAILER, whole], [segment("2025-08-29")]), /something else than a tuple/);
});
