import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { columnsOf, concat, tupleOf } from "../../../tests/support/columns.ts";
import { FIELD_SAMPLES } from "../../../tests/support/field_samples.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { type ColumnBuffer, createBuffer } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { createTupleWriter, type FieldValue } from "../copy/encode.ts";
import type { Column } from "../dataset/dataset.ts";
import { DirectFile } from "./direct_file.ts";
import { openDuckDb } from "./duckdb.ts";
import { quote } from "./quote.ts";
import { footerOf, PARQUET_MAGIC, schemaBytes } from "./footer.ts";
import { CHUNK, COLUMN, ENCODING, GROUP, PAGE, PAGE_TYPE, STATISTICS } from "./format.ts";
import { decodeThrift, type ThriftStruct } from "./thrift.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const SAMPLED = columnsOf(Object.fromEntries(Object.keys(FIELD_SAMPLES).map((type) => [type, type])));

/** Buffers of columns that have these tuples. */
function buffersOf(columns: readonly Column[], tuples: Uint8Array): { buffers: ColumnBuffer[]; rows: number } {
  const buffers = columns.map(createBuffer);
  return { buffers, rows: decodeTuples(tuples, buffers, { rows: 0 }) };
}

/** A file of one column of a Postgres type. */
function fileOf(type: string, values: readonly FieldValue[], file = new DirectFile()): Uint8Array<ArrayBuffer> {
  const columns = columnsOf({ x: type });
  const writer = createTupleWriter(columns);
  for (const value of values) writer.append([value]);
  const { buffers, rows } = buffersOf(columns, writer.take());
  return file.write(buffers, rows);
}

const structAt = (struct: ThriftStruct, id: number) => struct.get(id)!.value as ThriftStruct;

/** ColumnMetaData of a file's columns. */
function metasOf(file: Uint8Array): ThriftStruct[] {
  const [{ struct }] = footerOf(file).groups;
  const { items } = struct.get(GROUP.columns)!.value as { items: ThriftStruct[] };
  return items.map((chunk) => structAt(chunk, CHUNK.meta));
}

/** Statistics of the only column: its bounds in the current fields and in the old ones, in hexadecimal, and its NULLs. */
function statisticsOf(file: Uint8Array) {
  const statistics = structAt(metasOf(file)[0], COLUMN.statistics);
  const hex = (id: number) => (statistics.get(id)?.value as Uint8Array | undefined)?.toHex();
  return {
    current: [hex(STATISTICS.min), hex(STATISTICS.max)],
    old: [hex(STATISTICS.oldMin), hex(STATISTICS.oldMax)],
    nulls: Number(statistics.get(STATISTICS.nulls)!.value),
  };
}

/** Encodings of the only column. */
function encodingsOf(file: Uint8Array): number[] {
  return (metasOf(file)[0].get(COLUMN.encodings)!.value as { items: bigint[] }).items.map(Number);
}

const PLAIN: readonly number[] = [ENCODING.plain, ENCODING.rle];
const WITH_DICTIONARY: readonly number[] = [...PLAIN, ENCODING.dictionary];

const text = (value: string) => new TextEncoder().encode(value);
const repeat = <T>(count: number, value: (i: number) => T) => Array.from({ length: count }, (_, i) => value(i));

Deno.test("write() takes every sample to the second reader unchanged", async () => {
  const file = new DirectFile();
  const at = (type: string, row: number) => FIELD_SAMPLES[type][row] ?? FIELD_SAMPLES[type][0];
  for (const count of [9, 1, 8, 17]) {
    const numbers = repeat(count, (row) => row);
    const tuples = concat(...numbers.map((row) => tupleOf(SAMPLED.map(({ name }) => at(name, row).hex))));
    const values = numbers.map((row) => Object.fromEntries(SAMPLED.map(({ name }) => [name, at(name, row).value])));
    const { buffers, rows } = buffersOf(SAMPLED, tuples);
    assert.deepEqual((await readParquet(file.write(buffers, rows))).rows, values, `${count} rows`);
  }
});

Deno.test("write() gives the schema that DuckDB gives, byte by byte, for every type and every number of digits", () => {
  const digits = repeat(38, (i) => i + 1);
  const decimals = digits.flatMap((digit) => [`numeric(${digit},0)`, `numeric(${digit},${digit})`]);
  const columns = columnsOf(
    Object.fromEntries([...Object.keys(FIELD_SAMPLES), ...decimals].map((type) => [type, type])),
  );
  const { buffers, rows } = buffersOf(columns, tupleOf(columns.map(() => null)));
  db.run(`create table t (${columns.map(({ name, duckdbType }) => `${quote(name)} ${duckdbType}`)})`);
  db.run("copy t to 'memory/t.parquet' (format parquet)");
  const written = footerOf(new DirectFile().write(buffers, rows));
  assert.deepEqual(schemaBytes(written), schemaBytes(footerOf(db.fileBytes("t.parquet"))));
});

/** Bounds in hexadecimal, by type: the values, and the least and the greatest of them. */
const BOUNDS: readonly (readonly [type: string, values: readonly FieldValue[], min: string, max: string])[] = [
  ["bigint", [5n, null, -1n, 2n ** 32n, -(2n ** 40n)], "0000000000ffffff", "0000000001000000"],
  ["bigint", [2n ** 63n - 1n, -(2n ** 63n)], "0000000000000080", "ffffffffffffff7f"],
  ["bigint", [0x1_80000000n, 0x1_7fffffffn], "ffffff7f01000000", "0000008001000000"],
  ["integer", [7, -2, null], "feffffff", "07000000"],
  ["date", [-719162, 20000], "c606f5ff", "204e0000"],
  ["timestamptz", [-1n, 0n], "ffffffffffffffff", "0000000000000000"],
  ["boolean", [true, null, true], "01", "01"],
  ["boolean", [false, null, true], "00", "01"],
  ["boolean", [false], "00", "00"],
  ["double precision", [1.5, -Infinity, 2], "000000000000f0ff", "0000000000000040"],
  ["double precision", [0, 1], "0000000000000080", "000000000000f03f"],
  ["double precision", [-0, -1], "000000000000f0bf", "0000000000000000"],
  ["numeric(4,1)", ["-999.9", "0.1"], "f1d8ffff", "01000000"],
  ["numeric(12,6)", ["-0.000001", "4294.967296"], "ffffffffffffffff", "0000000001000000"],
  ["numeric(20,0)", ["-1", "18446744073709551616"], "f".repeat(32), "00000000000000010000000000000000"],
  ["numeric(38,0)", ["18446744073709551615", "1"], `${"0".repeat(31)}1`, `${"0".repeat(16)}${"f".repeat(16)}`],
];

Deno.test("write() gives exact bounds in the order of each type, in the old fields too", () => {
  for (const [type, values, min, max] of BOUNDS) {
    const nulls = values.filter((value) => value === null).length;
    assert.deepEqual(statisticsOf(fileOf(type, values)), { current: [min, max], old: [min, max], nulls }, type);
    assert.deepEqual(statisticsOf(fileOf(type, values.toReversed())).current, [min, max], `${type}, turned round`);
    const many = repeat(40, (i) => values[i % values.length]);
    assert.deepEqual(statisticsOf(fileOf(type, many)).current, [min, max], `${type}, as a dictionary`);
  }
});

Deno.test("write() orders texts by their bytes, and leaves the old fields out", () => {
  const hex = (value: string) => text(value).toHex();
  const bounds = (values: readonly (string | null)[]) =>
    statisticsOf(fileOf("text", values.map((value) => value === null ? null : text(value))));
  const old = [undefined, undefined];
  assert.deepEqual(bounds(["b", null, "aé", "a"]), { current: [hex("a"), hex("b")], old, nulls: 1 });
  assert.deepEqual(bounds(["\uFFFF", "😀", "z"]).current, [hex("z"), hex("😀")]);
  assert.deepEqual(bounds(["", "a"]).current, ["", hex("a")]);
  const id = Uint8Array.fromHex("a0eebc999c0b4ef8bb6d6bb9bd380a11");
  assert.deepEqual(
    statisticsOf(fileOf("uuid", [id])).current,
    Array(2).fill(hex("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
  );
});

Deno.test("write() gives no bounds where a text is too long for one, nor where there is a NaN or no value at all", () => {
  const none = [undefined, undefined];
  const long = (size: number) => fileOf("text", [text("a"), text("z".repeat(size)), text("b")]);
  assert.deepEqual(statisticsOf(long(1024)).current[1], "7a".repeat(1024));
  for (
    const [file, nulls] of [
      [long(1025), 0],
      [fileOf("double precision", [1, NaN, 2]), 0],
      [fileOf("double precision", repeat(40, (i) => i % 2 ? NaN : 1)), 0],
      [fileOf("text", [null, null]), 2],
      [fileOf("bigint", [null]), 1],
      [fileOf("boolean", [null]), 1],
    ] as const
  ) assert.deepEqual(statisticsOf(file), { current: none, old: none, nulls });
});

/** Columns of 32,768 values: what they are, and whether a dictionary pays. */
const COLUMNS: readonly (readonly [name: string, type: string, value: (i: number) => FieldValue, pays: boolean])[] = [
  ["one value", "text", () => text("same"), true],
  ["one empty text", "text", () => text(""), true],
  ["two values by turns", "bigint", (i) => BigInt(i % 2), true],
  ["values in runs", "integer", (i) => i >> 5, true],
  ["few values and NULLs", "double precision", (i) => i % 3 ? [NaN, -0, 0, Infinity][i % 4] : null, true],
  ["1,000 texts", "text", (i) => text(`text ${i * 7919 % 1000}`), true],
  ["4,096 values in runs of eight", "numeric(20,0)", (i) => `${i >> 3}`, true],
  ["4,097 values", "numeric(20,0)", (i) => `${i === 32_767 ? 2n ** 64n : i >> 3}`, false],
  ["values that come again after 2,000 others", "bigint", (i) => BigInt(i % 2000), false],
  ["different values", "bigint", (i) => BigInt(i) << 32n, false],
  ["texts that differ in their middle", "text", (i) => text(`begin ${i} end`), false],
  ["bits", "boolean", (i) => i % 5 ? i % 2 === 0 : null, false],
  ["NULLs alone", "text", () => null, false],
];

for (const [name, type, value, pays] of COLUMNS) {
  Deno.test(`write() ${pays ? "makes a" : "does without a"} dictionary of ${name}, which reads as it was`, async () => {
    const values = repeat(32_768, value);
    const file = fileOf(type, values);
    assert.deepEqual(encodingsOf(file), pays ? WITH_DICTIONARY : PLAIN);
    const { rows, rowGroups } = await readParquet(file);
    assert.deepEqual(rowGroups, [32_768]);
    const decoder = new TextDecoder();
    const expected = values.map((value) =>
      value instanceof Uint8Array ? decoder.decode(value) : typeof value === "string" ? BigInt(value) : value
    );
    assert.deepEqual(rows.map(({ x }) => x), expected);
  });
}

/** Headers of a file's pages, and the bytes behind each. */
function pagesOf(file: Uint8Array): { readonly header: ThriftStruct; readonly bytes: Uint8Array }[] {
  const [{ end }] = footerOf(file).groups;
  const pages = [];
  for (let at = PARQUET_MAGIC.length; at < end;) {
    const { header, size } = headerAt(file, at);
    const length = Number(header.get(PAGE.compressed)!.value);
    pages.push({ header, bytes: file.subarray(at + size, at + size + length) });
    at += size + length;
  }
  return pages;
}

/** The struct that begins at a byte, whose size nothing tells. */
function headerAt(file: Uint8Array, at: number): { readonly header: ThriftStruct; readonly size: number } {
  for (let size = 1; size < 100; size++) {
    try {
      return { header: decodeThrift(file.subarray(at, at + size)), size };
    } catch {
      // It is longer.
    }
  }
  throw new Error("no header of a page is there");
}

Deno.test("write() gives each page the checksum of its bytes, the dictionary's before the data's", () => {
  const pages = pagesOf(fileOf("text", repeat(1000, (i) => text(`text ${i % 10}`))));
  assert.deepEqual(pages.map(({ header }) => Number(header.get(PAGE.type)!.value)), [
    PAGE_TYPE.dictionary,
    PAGE_TYPE.data,
  ]);
  for (const { header, bytes } of pages) assert.equal(header.get(PAGE.crc)!.value, BigInt(crc32(bytes) | 0));
});

Deno.test("write() gives the same file whatever was written before", () => {
  const file = new DirectFile();
  const few = () => repeat(500, (i) => text(`${i % 20}`));
  const many = repeat(20_000, (i) => i % 3 ? text(`a longer text ${i}`) : null);
  const first = fileOf("text", few(), file).slice();
  fileOf("text", many, file);
  assert.deepEqual(fileOf("text", few(), file), first);
  assert.deepEqual(fileOf("text", few()), first);
});
