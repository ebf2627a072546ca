import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "./columns.ts";
import type { Column } from "../dataset/dataset.ts";

/** A value on its way into a tuple: digits for decimals, microseconds since 1970 for timestamps,
 * days since 1970 for dates, UTF-8 for text. */
export type FieldValue = null | boolean | bigint | number | Uint8Array | string;

/** Rows as COPY BINARY tuples in blocks of bounded size, so that every source has one form. */
export interface TupleWriter {
  /** Appends one row; values[i] belongs to columns[i]. */
  append(values: readonly FieldValue[]): void;
  /** The bytes appended since the last call. */
  take(): Uint8Array<ArrayBuffer>;
  /** How many bytes `take` would return. */
  readonly sizeBytes: number;
}

/** Bytes of a field that is not text, with its length, at most. */
const MAX_FIELD_BYTES = 64;

/** Bytes that are copied faster one by one. */
const SHORT_BYTES = 48;

/** A writer of tuples for columns. */
export function createTupleWriter(columns: readonly Column[]): TupleWriter {
  let bytes = new Uint8Array(1 << 16);
  let view = new DataView(bytes.buffer);
  let at = 0;
  const reserve = (size: number) => {
    if (at + size <= bytes.length) return;
    const grown = new Uint8Array(Math.max(at + size, bytes.length * 2));
    grown.set(bytes.subarray(0, at));
    bytes = grown;
    view = new DataView(bytes.buffer);
  };
  // Room for all fields of a row but its texts: after a text, for those behind it.
  const tailBytes = 2 + MAX_FIELD_BYTES * columns.length;
  const appendText = (text: Uint8Array) => {
    reserve(text.length + tailBytes);
    if (text.length > SHORT_BYTES) bytes.set(text, at);
    else for (let i = 0; i < text.length; i++) bytes[at + i] = text[i];
    return text.length;
  };
  const appendField = (column: Column, value: FieldValue) => {
    if (value === null) {
      view.setInt32(at, -1);
      at += 4;
      return;
    }
    const start = at;
    at += 4;
    const sizeBytes = typeof value === "object" ? appendText(value) : writeValue(view, at, column, value);
    view.setInt32(start, sizeBytes);
    at += sizeBytes;
  };
  return {
    append(values) {
      reserve(tailBytes);
      view.setInt16(at, columns.length);
      at += 2;
      for (let i = 0; i < columns.length; i++) appendField(columns[i], values[i]);
    },
    take() {
      const taken = bytes.slice(0, at);
      at = 0;
      return taken;
    },
    get sizeBytes() {
      return at;
    },
  };
}

/** Writes a value that is not text and tells its size in bytes. */
function writeValue(view: DataView, at: number, column: Column, value: boolean | bigint | number | string): number {
  switch (column.layout) {
    case "bool":
      view.setUint8(at, value ? 1 : 0);
      return 1;
    case "int32":
      view.setInt32(at, Number(value));
      return 4;
    case "int64":
      view.setBigInt64(at, BigInt(value));
      return 8;
    case "float64":
      view.setFloat64(at, Number(value));
      return 8;
    case "timestamp":
      view.setBigInt64(at, (value as bigint) - POSTGRES_EPOCH_MICROS);
      return 8;
    case "date":
      view.setInt32(at, (value as number) - POSTGRES_EPOCH_DAYS);
      return 4;
    case "decimal":
      return writeNumeric(view, at, value as string);
    default:
      throw new TypeError(`Column "${column.name}" takes UTF-8 bytes`);
  }
}

/** Plain decimal digits, with a sign and a point or without, as Postgres's numeric. */
function writeNumeric(view: DataView, at: number, digits: string): number {
  const match = /^(-?)0*(\d+)(?:\.(\d+))?$/.exec(digits);
  if (match === null) throw new TypeError("not a decimal number");
  const [, sign, whole, fraction = ""] = match;
  const wholeGroups = Math.ceil(whole.length / 4);
  const text = whole.padStart(wholeGroups * 4, "0") + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, "0");
  const groups = text.length / 4;
  view.setInt16(at, groups);
  view.setInt16(at + 2, wholeGroups - 1);
  view.setInt16(at + 4, sign ? 0x4000 : 0);
  view.setInt16(at + 6, fraction.length);
  for (let group = 0; group < groups; group++) {
    view.setInt16(at + 8 + 2 * group, Number(text.slice(4 * group, 4 * group + 4)));
  }
  return 8 + 2 * groups;
}
