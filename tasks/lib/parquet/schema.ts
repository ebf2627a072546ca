import type { Column, Layout } from "../dataset/dataset.ts";
import { binary, ELEMENT, int32, list, nested, struct } from "./format.ts";
import { THRIFT, type ThriftField, type ThriftStruct } from "./thrift.ts";

/** How Parquet stores a column's values. */
export interface Physical {
  /** Number of Type. */
  readonly type: number;
  /** 32-bit words of one value; 0 for texts and bits. */
  readonly words: 0 | 1 | 2 | 4;
  /** What its values are compared as. */
  readonly order: "bits" | "integers" | "floats" | "texts";
}

const BOOLEAN: Physical = { type: 0, words: 0, order: "bits" };
const INT32: Physical = { type: 1, words: 1, order: "integers" };
const INT64: Physical = { type: 2, words: 2, order: "integers" };
const DOUBLE: Physical = { type: 5, words: 2, order: "floats" };
const BYTE_ARRAY: Physical = { type: 6, words: 0, order: "texts" };
/** FIXED_LEN_BYTE_ARRAY of 16 bytes, the highest first. */
const INT128: Physical = { type: 7, words: 4, order: "integers" };

const PHYSICAL: Readonly<Record<Layout, (column: Column) => Physical>> = {
  text: () => BYTE_ARRAY,
  uuid: () => BYTE_ARRAY,
  int64: () => INT64,
  int32: () => INT32,
  float64: () => DOUBLE,
  bool: () => BOOLEAN,
  decimal: ({ precision }) => precision <= 9 ? INT32 : precision <= 18 ? INT64 : INT128,
  timestamp: () => INT64,
  date: () => INT32,
};

/** How a column is stored, as DuckDB does it. */
export function physicalOf(column: Column): Physical {
  return PHYSICAL[column.layout](column);
}

/** The schema of a file of these columns, byte by byte DuckDB's: row groups of both can stand in one file. */
export function schemaOf(columns: readonly Column[]): ThriftField {
  const root = struct([
    [ELEMENT.repetition, int32(0)],
    [ELEMENT.name, binary("duckdb_schema")],
    [ELEMENT.children, int32(columns.length)],
  ]);
  return list(THRIFT.struct, [root, ...columns.map(elementOf)]);
}

const OPTIONAL = 1;

function elementOf(column: Column): ThriftStruct {
  const physical = physicalOf(column);
  return struct([
    [ELEMENT.type, int32(physical.type)],
    ...(physical === INT128 ? [[ELEMENT.length, int32(16)] as const] : []),
    [ELEMENT.repetition, int32(OPTIONAL)],
    [ELEMENT.name, binary(column.name)],
    ...(MEANING[column.layout]?.(column) ?? []),
  ]);
}

type Meaning = readonly (readonly [id: number, field: ThriftField])[];

const converted = (type: number): Meaning => [[ELEMENT.converted, int32(type)]];

/** What the stored values are; nothing where they are just that. */
const MEANING: Readonly<Partial<Record<Layout, (column: Column) => Meaning>>> = {
  text: () => converted(0),
  uuid: () => converted(0),
  int64: () => converted(18),
  int32: () => converted(17),
  date: () => converted(6),
  // Adjusted to UTC, in microseconds.
  timestamp: () => [
    ...converted(10),
    [ELEMENT.logical, nested([8, nested([1, { type: THRIFT.bool, value: true }], [2, nested([2, nested()])])])],
  ],
  decimal: ({ precision, scale }) => [
    ...converted(5),
    [ELEMENT.scale, int32(scale)],
    [ELEMENT.precision, int32(precision)],
    [ELEMENT.logical, nested([5, nested([1, int32(scale)], [2, int32(precision)])])],
  ],
};
