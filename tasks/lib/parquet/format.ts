import { THRIFT, type ThriftField, type ThriftStruct, type ThriftValue } from "./thrift.ts";

/** Fields of FileMetaData; like all that follow by their ids in parquet.thrift, those that are read or written here. */
export const FILE = { version: 1, schema: 2, rows: 3, groups: 4, metadata: 5, createdBy: 6 } as const;
/** Fields of SchemaElement. */
export const ELEMENT = {
  type: 1,
  length: 2,
  repetition: 3,
  name: 4,
  children: 5,
  converted: 6,
  scale: 7,
  precision: 8,
  logical: 10,
} as const;
/** Fields of KeyValue. */
export const PAIR = { key: 1, value: 2 } as const;
/** Fields of RowGroup. */
export const GROUP = { columns: 1, sizeBytes: 2, rows: 3, offset: 5, ordinal: 7 } as const;
/** Fields of ColumnChunk. */
export const CHUNK = { offset: 2, meta: 3, offsetIndex: 4, columnIndex: 6 } as const;
/** Fields of ColumnMetaData. */
export const COLUMN = {
  type: 1,
  encodings: 2,
  path: 3,
  codec: 4,
  values: 5,
  uncompressed: 6,
  compressed: 7,
  dataPage: 9,
  indexPage: 10,
  dictionary: 11,
  statistics: 12,
  bloom: 14,
} as const;
/** Fields of Statistics; the old ones are from before the order of values was said. */
export const STATISTICS = { oldMax: 1, oldMin: 2, nulls: 3, max: 5, min: 6 } as const;
/** Fields of PageHeader. */
export const PAGE = { type: 1, uncompressed: 2, compressed: 3, crc: 4, data: 5, dictionary: 7 } as const;
/** Fields of DataPageHeader, of which the first two are those of DictionaryPageHeader. */
export const PAGE_VALUES = { count: 1, encoding: 2, definitionLevels: 3, repetitionLevels: 4 } as const;

/** Numbers of PageType. */
export const PAGE_TYPE = { data: 0, dictionary: 2 } as const;
/** Numbers of Encoding. */
export const ENCODING = { plain: 0, rle: 3, dictionary: 8 } as const;
/** Number of CompressionCodec. */
export const ZSTD = 6;

/** A field of 32 bits. */
export function int32(value: number): ThriftField {
  return { type: THRIFT.int32, value: BigInt(value) };
}

/** A field of 64 bits. */
export function int64(value: number): ThriftField {
  return { type: THRIFT.int64, value: BigInt(value) };
}

/** A field of bytes, those of a text in UTF-8. */
export function binary(value: string | Uint8Array): ThriftField {
  return { type: THRIFT.binary, value: typeof value === "string" ? new TextEncoder().encode(value) : value };
}

/** A struct of these fields, whose ids must go up. */
export function struct(fields: readonly (readonly [id: number, field: ThriftField])[]): ThriftStruct {
  return new Map(fields);
}

/** A field that is a struct. */
export function nested(...fields: readonly (readonly [id: number, field: ThriftField])[]): ThriftField {
  return { type: THRIFT.struct, value: struct(fields) };
}

/** A field that is a list of elements of one type. */
export function list(type: number, items: readonly ThriftValue[]): ThriftField {
  return { type: THRIFT.list, value: { type, items: [...items] } };
}
