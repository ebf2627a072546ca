import assert from "node:assert/strict";
import fc from "fast-check";
import { columnsOf, tupleOf, valuesOf } from "../../../tests/support/columns.ts";
import { FIELD_SAMPLES } from "../../../tests/support/field_samples.ts";
import { createBuffer } from "./column_buffer.ts";
import { decodeTuples } from "./decode.ts";
import { createTupleWriter, type FieldValue } from "./encode.ts";

const COLUMNS = columnsOf({
  text: "text",
  bigint: "bigint",
  integer: "integer",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamptz",
  seed: "numeric(20,0)",
  cost: "numeric(12,6)",
});

function decode(block: Uint8Array): unknown[][] {
  const buffers = COLUMNS.map(createBuffer);
  const rows = decodeTuples(block, buffers, { rows: 0 });
  const columns = buffers.map((buffer) => valuesOf(buffer, rows));
  return Array.from({ length: rows }, (_, row) => columns.map((values) => values[row]));
}

/** Units of 10^-6 as plain decimal digits. */
function microsText(units: bigint): string {
  const digits = `${units < 0n ? -units : units}`.padStart(7, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

const LIMIT = 10n ** 20n - 1n;

/** Values of one row beside what they decode to. */
const ROW = fc.tuple(
  fc.option(fc.string({ unit: "binary", maxLength: 60 })),
  fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.option(fc.integer()),
  fc.option(fc.double()),
  fc.option(fc.boolean()),
  fc.option(fc.bigInt({ min: -62135596800000000n, max: 253402300799999999n })),
  fc.option(fc.bigInt({ min: -LIMIT, max: LIMIT })),
  fc.option(fc.bigInt({ min: -999_999_999_999n, max: 999_999_999_999n })),
);

Deno.test("createTupleWriter() writes what decodeTuples() reads", () => {
  fc.assert(fc.property(fc.array(ROW, { maxLength: 20 }), (rows) => {
    const writer = createTupleWriter(COLUMNS);
    for (const [text, bigint, integer, double, boolean, timestamp, seed, cost] of rows) {
      const bytes = text === null ? null : new TextEncoder().encode(text);
      const digits = [seed?.toString() ?? null, cost === null ? null : microsText(cost)];
      writer.append([bytes, bigint, integer, double, boolean, timestamp, ...digits] as FieldValue[]);
    }
    assert.deepEqual(decode(writer.take()), rows);
  }));
});

Deno.test("createTupleWriter() writes decimals of any number of digits before and after the point", () => {
  const written = ["0", "00042", "-0", "1.50", "0.000000", "-000123456.123456000", "999999.999999", "1000.1"];
  const writer = createTupleWriter([COLUMNS[7]]);
  for (const digits of written) writer.append([digits]);
  const buffer = createBuffer(COLUMNS[7]);
  const rows = decodeTuples(writer.take(), [buffer], { rows: 0 });
  const expected = [0n, 42_000_000n, 0n, 1_500_000n, 0n, -123_456_123_456n, 999_999_999_999n, 1_000_100_000n];
  assert.deepEqual(valuesOf(buffer, rows), expected);
  for (const text of ["", ".5", "1e3", "+1", "0x10", "1.", "NaN"]) {
    assert.throws(() => createTupleWriter([COLUMNS[7]]).append([text]), TypeError);
  }
});

Deno.test("createTupleWriter() writes the bytes that Postgres sends", () => {
  const types = ["bigint", "integer", "double precision", "boolean", "timestamptz"];
  const columns = columnsOf(Object.fromEntries(types.map((type) => [type, type])));
  const writer = createTupleWriter(columns);
  const samples = types.map((type) => FIELD_SAMPLES[type].slice(0, 3));
  for (let i = 0; i < 3; i++) writer.append(samples.map((ofType) => ofType[i].value as FieldValue));
  const expected = [0, 1, 2].map((i) => tupleOf(samples.map((ofType) => ofType[i].hex)).toHex());
  assert.equal(writer.take().toHex(), expected.join(""));
});

Deno.test("createTupleWriter() grows for long texts, and starts anew after take()", () => {
  const writer = createTupleWriter([COLUMNS[0]]);
  const long = new Uint8Array(1_000_000).fill(0x61);
  writer.append([long]);
  assert.equal(writer.sizeBytes, 2 + 4 + long.length);
  const first = writer.take();
  assert.equal(writer.sizeBytes, 0);
  writer.append([new Uint8Array(0)]);
  assert.equal(writer.take().toHex(), "000100000000");
  const buffer = createBuffer(COLUMNS[0]);
  decodeTuples(first, [buffer], { rows: 0 });
  assert.deepEqual(valuesOf(buffer, 1), ["a".repeat(1_000_000)]);
});

Deno.test("createTupleWriter() refuses a number for a text", () => {
  assert.throws(() => createTupleWriter([COLUMNS[0]]).append([1n]), { message: 'Column "text" takes UTF-8 bytes' });
});
