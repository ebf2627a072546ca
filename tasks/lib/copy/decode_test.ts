import assert from "node:assert/strict";
import { columnsOf, concat, tupleOf, valuesOf } from "../../../tests/support/columns.ts";
import { connectTo, testUrl } from "../../../tests/support/database.ts";
import { FIELD_SAMPLES } from "../../../tests/support/field_samples.ts";
import { type ColumnBuffer, createBuffer, truncateRows } from "./column_buffer.ts";
import { decodeTuples, fieldOf, headerSize, isTrailer } from "./decode.ts";
import { CopyFormatError, CopyValueError } from "./errors.ts";

const HEADER = Uint8Array.fromHex("5047434f50590aff0d0a00" + "00000000" + "00000000");

function buffersOf(types: Readonly<Record<string, string>>): ColumnBuffer[] {
  return columnsOf(types).map(createBuffer);
}

/** What one field decodes to, or the finding about it. */
function decodeField(type: string, hex: string): unknown {
  const [buffer] = buffersOf({ x: type });
  decodeTuples(tupleOf([hex]), [buffer], { rows: 0 });
  return valuesOf(buffer, 1)[0];
}

Deno.test("headerSize() tells the size of a header with and without an extension", () => {
  assert.equal(headerSize(HEADER), 19);
  assert.equal(headerSize(concat(HEADER, tupleOf(["00"]))), 19);
  const extended = concat(HEADER.subarray(0, 15), Uint8Array.fromHex("00000003aabbcc"));
  assert.equal(headerSize(extended), 22);
});

Deno.test("headerSize() throws on every shorter header", () => {
  for (let size = 0; size < HEADER.length; size++) {
    assert.throws(() => headerSize(HEADER.subarray(0, size)), CopyFormatError);
  }
  assert.throws(() => headerSize(concat(HEADER.subarray(0, 15), Uint8Array.fromHex("00000003aabb"))), CopyFormatError);
});

Deno.test("headerSize() throws on any other signature and on flags", () => {
  for (let at = 0; at < 15; at++) {
    const changed = HEADER.slice();
    changed[at] ^= 0x20;
    assert.throws(() => headerSize(changed), CopyFormatError, `byte ${at}`);
  }
});

Deno.test("isTrailer() knows the trailer alone", () => {
  assert.equal(isTrailer(Uint8Array.of(0xff, 0xff)), true);
  for (const bytes of [[], [0xff], [0xff, 0xfe], [0, 0], [0xff, 0xff, 0xff]]) {
    assert.equal(isTrailer(Uint8Array.from(bytes)), false);
  }
});

Deno.test("fieldOf() gives each field of a tuple, null for NULL", () => {
  const tuple = tupleOf(["0102", null, "", "03"]);
  const fields = [0, 1, 2, 3].map((field) => fieldOf(tuple, field)?.toHex() ?? null);
  assert.deepEqual(fields, ["0102", null, "", "03"]);
});

for (const [type, samples] of Object.entries(FIELD_SAMPLES)) {
  Deno.test(`decodeTuples() gives the sample values of ${type}`, () => {
    const [buffer] = buffersOf({ x: type });
    const rows = decodeTuples(concat(...samples.map(({ hex }) => tupleOf([hex]))), [buffer], { rows: 0 });
    assert.equal(rows, samples.length);
    assert.equal(buffer.nulls, 1);
    assert.deepEqual(valuesOf(buffer, rows), samples.map(({ value }) => value));
  });
}

Deno.test("the samples' bytes are those that Postgres sends", async () => {
  await using sql = await connectTo(testUrl("postgres"));
  for (const [type, samples] of Object.entries(FIELD_SAMPLES)) {
    const rows = samples.map(({ sql }, index) => `(${index}, ${sql}::${type})`).join();
    const query = `copy (select v from (values ${rows}) as t (i, v) order by i) to stdout (format binary)`;
    const chunks = await Array.fromAsync(await sql.unsafe(query).readable());
    const expected = concat(...samples.map(({ hex }) => tupleOf([hex])), Uint8Array.of(0xff, 0xff));
    assert.equal(concat(HEADER, expected).toHex(), concat(...chunks).toHex(), type);
  }
});

Deno.test("decodeTuples() throws on a block that ends inside a tuple, wherever", () => {
  const types = { a: "bigint", b: "text", c: "boolean", d: "numeric(20,0)", e: "uuid" };
  const tuple = tupleOf([
    "000000000000002a",
    "706c61696e",
    null,
    "0001000000000000002a",
    "a0eebc999c0b4ef8bb6d6bb9bd380a11",
  ]);
  const block = concat(tuple, tuple);
  for (let size = 1; size < block.length; size++) {
    if (size === tuple.length) continue;
    assert.throws(() => decodeTuples(block.subarray(0, size), buffersOf(types), { rows: 0 }), CopyFormatError);
  }
  assert.equal(decodeTuples(block, buffersOf(types), { rows: 0 }), 2);
  assert.equal(decodeTuples(new Uint8Array(0), buffersOf(types), { rows: 0 }), 0);
});

Deno.test("decodeTuples() throws on another number of fields", () => {
  const one = buffersOf({ a: "bigint" });
  const two = [null, null];
  assert.throws(() => decodeTuples(tupleOf(two), one, { rows: 0 }), { message: "a tuple has 2 fields, not 1" });
  assert.throws(() => decodeTuples(tupleOf([]), one, { rows: 0 }), { message: "a tuple has 0 fields, not 1" });
  assert.throws(() => decodeTuples(Uint8Array.of(0xff, 0xff), one, { rows: 0 }), CopyFormatError);
});

Deno.test("decodeTuples() throws on fields of a length that their type does not have", () => {
  const wrong: Record<string, string[]> = {
    bigint: ["", "00", "00000000000000", "000000000000000000"],
    integer: ["", "000000", "0000000000"],
    "double precision": ["", "00000000"],
    boolean: ["", "0101"],
    timestamptz: ["", "00000000"],
    uuid: ["", "a0eebc999c0b4ef8bb6d6bb9bd380a", "a0eebc999c0b4ef8bb6d6bb9bd380a1122"],
    "numeric(20,0)": [
      "",
      "0001",
      "0001000000000000",
      "0000000000000000002a",
      "00010000000000000000002a",
      "ffff00000000",
    ],
  };
  for (const [type, fields] of Object.entries(wrong)) {
    for (const hex of fields) assert.throws(() => decodeField(type, hex), CopyFormatError, `${type} ${hex}`);
  }
});

Deno.test("decodeTuples() throws on a length below -1 and on one past the block", () => {
  const [buffer] = buffersOf({ a: "text" });
  for (const length of ["fffffffe", "80000000", "7fffffff", "00000001"]) {
    assert.throws(() => decodeTuples(Uint8Array.fromHex("0001" + length), [buffer], { rows: 0 }), CopyFormatError);
  }
});

for (
  const [finding, type, hex] of [
    [/^is NaN or infinite, which DECIMAL\(20,0\) cannot hold$/, "numeric(20,0)", "00000000c0000000"],
    [/^is NaN or infinite/, "numeric(12,6)", "00000000d0000000"],
    [/^is NaN or infinite/, "numeric(12,6)", "00000000f0000000"],
    [/^has more digits than DECIMAL\(20,0\) holds$/, "numeric(20,0)", "00010005000000000001"],
    [/^has more digits than DECIMAL\(20,0\) holds$/, "numeric(20,0)", "00010005400000000001"],
    [/^has more digits than DECIMAL\(12,6\) holds$/, "numeric(12,6)", "00010001000000000064"],
    [/^has more digits than DECIMAL\(20,0\) holds$/, "numeric(20,0)", "00017fff000000000001"],
    [/^has more digits after the point than its type$/, "numeric(20,0)", "0001ffff000000011388"],
    [/^has more digits after the point than its type$/, "numeric(12,6)", "0001fffe00000007000a"],
    [/^has more digits after the point than its type$/, "numeric(12,6)", "00018000000000070001"],
    [/^is infinite, which a Parquet timestamp cannot be$/, "timestamptz", "7fffffffffffffff"],
    [/^is infinite, which a Parquet timestamp cannot be$/, "timestamptz", "8000000000000000"],
    [/^is later than a Parquet timestamp can be$/, "timestamptz", "7ffffd5b1e2b3fff"],
    [/^is later than a Parquet timestamp can be$/, "timestamptz", "7ffca2fec4c81fff"],
  ] as const
) {
  Deno.test(`decodeTuples() refuses a ${type} of ${hex}: ${finding.source}`, () => {
    assert.throws(() => decodeField(type, hex), (error) => {
      assert.ok(error instanceof CopyValueError);
      assert.match(error.message, finding);
      assert.deepEqual([error.column, error.row], ["x", 0]);
      assert.equal(error.tuple.toHex(), tupleOf([hex]).toHex());
      return true;
    });
  });
}

Deno.test("decodeTuples() gives the last timestamp before the one that stands for infinity", () => {
  assert.equal(decodeField("timestamptz", "7ffca2fec4c81ffe"), 2n ** 63n - 2n);
});

Deno.test("decodeTuples() ignores trailing zeroes after the point", () => {
  assert.equal(decodeField("numeric(12,6)", "00030000000000090001000a0000"), 1_001_000n);
  assert.equal(decodeField("numeric(20,0)", "0002000000000004002a0000"), 42n);
});

/** Rows of an integer, a text, a boolean and a decimal; every 7th row has NULLs. */
function rowOf(i: number): Uint8Array {
  const isNull = i % 7 === 0;
  const text = new TextEncoder().encode(`row ${i} ${"é".repeat(i % 50)}`).toHex();
  const decimal = `00010000${i % 2 ? "4000" : "0000"}0000` + (i % 10_000).toString(16).padStart(4, "0");
  return tupleOf([
    i.toString(16).padStart(8, "0"),
    isNull ? null : text,
    isNull ? null : i % 2 ? "01" : "00",
    isNull ? null : decimal,
  ]);
}

const ROW_TYPES = { i: "integer", t: "text", b: "boolean", d: "numeric(20,0)" };

function expectedOf(rows: number[]): unknown[][] {
  const unless = (i: number, value: unknown) => i % 7 === 0 ? null : value;
  return [
    rows,
    rows.map((i) => unless(i, `row ${i} ${"é".repeat(i % 50)}`)),
    rows.map((i) => unless(i, i % 2 === 1)),
    rows.map((i) => unless(i, BigInt(i % 2 ? -(i % 10_000) : i % 10_000))),
  ];
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

Deno.test("decodeTuples() decodes more rows than one batch, and appends the next block", () => {
  const buffers = buffersOf(ROW_TYPES);
  let rows = decodeTuples(concat(...range(0, 1300).map(rowOf)), buffers, { rows: 0 });
  rows = decodeTuples(concat(...range(1300, 1813).map(rowOf)), buffers, { rows });
  assert.equal(rows, 1813);
  assert.deepEqual(buffers.map((buffer) => valuesOf(buffer, rows)), expectedOf(range(0, 1813)));
  assert.deepEqual(buffers.map(({ nulls }) => nulls), [0, 259, 259, 259]);
});

Deno.test("decodeTuples() fills buffers that are used again", () => {
  const buffers = buffersOf(ROW_TYPES);
  decodeTuples(concat(...range(1, 1000).map(rowOf)), buffers, { rows: 0 });
  for (const buffer of buffers) truncateRows(buffer, 0, 0);
  const rows = decodeTuples(concat(...range(2000, 2020).map(rowOf)), buffers, { rows: 0 });
  assert.deepEqual(buffers.map((buffer) => valuesOf(buffer, rows)), expectedOf(range(2000, 2020)));
});

Deno.test("decodeTuples() leaves bad rows out, in every position of a batch", () => {
  const bad = new Set([0, 5, 6, 511, 512, 700, 1299]);
  const nan = (i: number) => tupleOf([i.toString(16).padStart(8, "0"), "78", "01", "00000000c0000000"]);
  const block = concat(...range(0, 1300).map((i) => bad.has(i) ? nan(i) : rowOf(i)));
  const buffers = buffersOf(ROW_TYPES);
  const found: number[] = [];
  const rows = decodeTuples(block, buffers, {
    rows: 0,
    onBadRow({ column, tuple }) {
      assert.equal(column, "d");
      found.push(Number(`0x${fieldOf(tuple, 0)!.toHex()}`));
    },
  });
  assert.deepEqual(found, [...bad]);
  const good = range(0, 1300).filter((i) => !bad.has(i));
  assert.equal(rows, good.length);
  assert.deepEqual(buffers.map((buffer) => valuesOf(buffer, rows)), expectedOf(good));
  assert.deepEqual(buffers.map(({ nulls }) => nulls), [0, ...Array(3).fill(good.filter((i) => i % 7 === 0).length)]);
});

Deno.test("decodeTuples() leaves nothing of blocks whose rows are all bad", () => {
  const buffers = buffersOf(ROW_TYPES);
  const nan = tupleOf(["00000001", "78", "01", "00000000c0000000"]);
  let found = 0;
  const rows = decodeTuples(concat(...Array(600).fill(nan)), buffers, { rows: 0, onBadRow: () => found++ });
  assert.deepEqual([rows, found], [0, 600]);
  assert.equal(decodeTuples(rowOf(3), buffers, { rows }), 1);
  assert.deepEqual(buffers.map((buffer) => valuesOf(buffer, 1)), expectedOf([3]));
});

Deno.test("decodeTuples() does not leave out what breaks the format", () => {
  const onBadRow = () => assert.fail();
  assert.throws(
    () => decodeTuples(tupleOf(["00"]), buffersOf({ x: "bigint" }), { rows: 0, onBadRow }),
    CopyFormatError,
  );
});
