import type { ColumnBuffer } from "../../tasks/lib/copy/column_buffer.ts";
import { type Column, parseDataset } from "../../tasks/lib/dataset/dataset.ts";
import type { ParquetValue } from "./parquet.ts";

const HEAD = "-- table: public.t\n-- day: day\n-- key: id\n-- label: x row\n-- sort: day, x\n";

/** Columns by name and Postgres type, as a dataset's SELECT defines them. */
export function columnsOf(types: Readonly<Record<string, string>>): readonly Column[] {
  return Object.entries(types).map(([name, type]) => {
    const { columns: [column] } = parseDataset(
      "samples",
      "samples.sql",
      `${HEAD}select\n  t.x::${type} as x,\n  t.day::date as day\nfrom t`,
    );
    return { ...column, name };
  });
}

/** Value i of a buffer, in the form in which `readParquet` gives it. */
export function valueAt(buffer: ColumnBuffer, i: number): ParquetValue {
  if (!(buffer.validity[i >> 3] & 1 << (i & 7))) return null;
  const { values, words, offsets } = buffer;
  const view = new DataView(values.buffer);
  switch (buffer.column.layout) {
    case "text":
    case "uuid":
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        values.subarray(offsets[i], offsets[i + 1]),
      );
    case "int64":
    case "timestamp":
      return view.getBigInt64(8 * i, true);
    case "float64":
      return view.getFloat64(8 * i, true);
    case "int32":
    case "date":
      return words[i];
    case "bool":
      return (values[i >> 3] & 1 << (i & 7)) !== 0;
    case "decimal":
      return view.getBigInt64(16 * i + 8, true) << 64n | view.getBigUint64(16 * i, true);
  }
}

/** The first `rows` values of a buffer. */
export function valuesOf(buffer: ColumnBuffer, rows: number): ParquetValue[] {
  return Array.from({ length: rows }, (_, i) => valueAt(buffer, i));
}

/** One COPY BINARY tuple of fields in hexadecimal, null for NULL. */
export function tupleOf(fields: readonly (string | null)[]): Uint8Array<ArrayBuffer> {
  const hex = fields.map((field) => field === null ? "ffffffff" : int32(field.length / 2) + field);
  return Uint8Array.fromHex(int32(fields.length).slice(4) + hex.join(""));
}

function int32(number: number): string {
  return number.toString(16).padStart(8, "0");
}

/** Blocks one after another. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
