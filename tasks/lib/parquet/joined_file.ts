import { columnNames, PARQUET_MAGIC, type ParquetFooter, TAIL_BYTES } from "./footer.ts";
import {
  encodeThrift,
  THRIFT,
  type ThriftField,
  type ThriftList,
  type ThriftStruct,
  type ThriftValue,
} from "./thrift.ts";

/** One of the files that are joined. */
export interface JoinedPart {
  /** Its footer; all parts have the same schema. */
  readonly footer: ParquetFooter;
  /** All bytes of the file. */
  readonly sizeBytes: number;
  /** What the added columns hold in all rows of the file, in their order. */
  readonly values: readonly string[];
}

/** A column that is added, whose value is the same for all rows of a file. */
export interface AddedColumn {
  /** Its name, which none of the files has. */
  readonly name: string;
  /** A date's values are texts YYYY-MM-DD. */
  readonly type: "text" | "date";
}

/** What makes one Parquet file of several, whose own bytes come first, one whole file behind the other. */
export interface JoinedFile {
  /** First byte of each part. */
  readonly starts: readonly number[];
  /** The bytes behind the last part: pages of the added columns, and the footer. */
  readonly end: Uint8Array;
  /** All bytes. */
  readonly sizeBytes: number;
}

// Fields of parquet.thrift that are read or changed here.
const FILE = { version: 1, schema: 2, rows: 3, groups: 4 } as const;
const GROUP = { columns: 1, bytes: 2, rows: 3 } as const;
const CHUNK = { offset: 2, meta: 3 } as const;
const COLUMN = {
  type: 1,
  encodings: 2,
  path: 3,
  codec: 4,
  values: 5,
  raw: 6,
  compressed: 7,
  dataPage: 9,
  dictionary: 11,
} as const;
const ELEMENT = { type: 1, repetition: 3, name: 4, children: 5, converted: 6 } as const;
const PAGE = { type: 1, raw: 2, compressed: 3, data: 5, dictionary: 7 } as const;
const PAGE_DATA = { values: 1, encoding: 2, definition: 3, repetition: 4 } as const;
const PAGE_DICTIONARY = { values: 1, encoding: 2 } as const;
const TYPE = { int32: 1n, bytes: 6n } as const;
const CONVERTED = { text: 0n, date: 6n } as const;
const PAGE_TYPE = { data: 0n, dictionary: 2n } as const;
const ENCODING = { plain: 0n, dictionary: 2n, rle: 3n } as const;
const REQUIRED = 0n;
const UNCOMPRESSED = 0n;

/** Joins files of one schema, with the columns that `keep` takes and columns added; statistics are left out, as are indexes.
 *
 * Source: parquet-format, parquet.thrift and Encodings.md.
 */
export function joinFiles(
  parts: readonly JoinedPart[],
  { added, keep }: { readonly added: readonly AddedColumn[]; readonly keep: (name: string) => boolean },
): JoinedFile {
  const starts: number[] = [];
  let at = 0;
  for (const { sizeBytes } of parts) {
    starts.push(at);
    at += sizeBytes;
  }
  const pages = new Pages(at);
  const kept = columnNames(parts[0].footer).map(keep);
  const groups = parts.flatMap(({ footer, values }, index) =>
    footer.groups.map(({ struct, rows }) => {
      const chunks = items(struct, GROUP.columns).filter((_, column) => kept[column]) as ThriftStruct[];
      const more = added.map((column, number) => pages.chunk(column, { value: values[number], rows }));
      return encodeThrift(
        new Map<number, ThriftField>([
          [GROUP.columns, listOf(THRIFT.struct, [...chunks.map((chunk) => moved(chunk, starts[index])), ...more])],
          [GROUP.bytes, struct.get(GROUP.bytes)!],
          [GROUP.rows, int64(BigInt(rows))],
        ]),
      );
    })
  );
  const rows = parts.flatMap(({ footer }) => footer.groups).reduce((sum, group) => sum + group.rows, 0);
  const footer = encodeThrift(
    new Map<number, ThriftField>([
      [FILE.version, int32(1n)],
      [FILE.schema, listOf(THRIFT.struct, schemaOf(parts[0].footer, { added, kept }))],
      [FILE.rows, int64(BigInt(rows))],
      [FILE.groups, listOf(THRIFT.struct, groups)],
    ]),
  );
  const end = concat([...pages.chunks, footer, tailOf(footer.length)]);
  return { starts, end, sizeBytes: at + end.length };
}

/** Pages of the added columns, one behind the other. */
class Pages {
  readonly chunks: Uint8Array[] = [];
  #at: number;

  constructor(start: number) {
    this.#at = start;
  }

  /** The column chunk of a value that all rows of a row group have; its two pages are added. */
  chunk({ name, type }: AddedColumn, { value, rows }: { readonly value: string; readonly rows: number }): ThriftStruct {
    const dictionary = dictionaryPage(plainValue(type, value));
    const pages = concat([dictionary, dataPage(rows)]);
    const start = BigInt(this.#at);
    this.chunks.push(pages);
    this.#at += pages.length;
    const meta: ThriftStruct = new Map([
      [COLUMN.type, int32(type === "date" ? TYPE.int32 : TYPE.bytes)],
      [COLUMN.encodings, listOf(THRIFT.int32, [ENCODING.plain, ENCODING.dictionary, ENCODING.rle])],
      [COLUMN.path, listOf(THRIFT.binary, [bytesOf(name)])],
      [COLUMN.codec, int32(UNCOMPRESSED)],
      [COLUMN.values, int64(BigInt(rows))],
      [COLUMN.raw, int64(BigInt(pages.length))],
      [COLUMN.compressed, int64(BigInt(pages.length))],
      [COLUMN.dataPage, int64(start + BigInt(dictionary.length))],
      [COLUMN.dictionary, int64(start)],
    ]);
    return new Map([[CHUNK.offset, int64(start)], [CHUNK.meta, { type: THRIFT.struct, value: meta }]]);
  }
}

function dictionaryPage(value: Uint8Array): Uint8Array {
  return page(PAGE_TYPE.dictionary, value, [
    PAGE.dictionary,
    new Map([[PAGE_DICTIONARY.values, int32(1n)], [PAGE_DICTIONARY.encoding, int32(ENCODING.dictionary)]]),
  ]);
}

/** So many times the first value of the dictionary: the width of an index in bits, and one run. */
function dataPage(rows: number): Uint8Array {
  const body: number[] = [1];
  let count = BigInt(rows) << 1n;
  for (; count > 127n; count >>= 7n) body.push(Number(count & 127n) | 128);
  body.push(Number(count), 0);
  return page(PAGE_TYPE.data, Uint8Array.from(body), [
    PAGE.data,
    new Map([
      [PAGE_DATA.values, int32(BigInt(rows))],
      [PAGE_DATA.encoding, int32(ENCODING.dictionary)],
      [PAGE_DATA.definition, int32(ENCODING.rle)],
      [PAGE_DATA.repetition, int32(ENCODING.rle)],
    ]),
  ]);
}

function page(type: bigint, body: Uint8Array, [id, header]: readonly [number, ThriftStruct]): Uint8Array {
  const size = int32(BigInt(body.length));
  const fields: ThriftStruct = new Map([
    [PAGE.type, int32(type)],
    [PAGE.raw, size],
    [PAGE.compressed, size],
    [id, { type: THRIFT.struct, value: header }],
  ]);
  return concat([encodeThrift(fields), body]);
}

function plainValue(type: AddedColumn["type"], value: string): Uint8Array {
  const bytes = type === "date" ? new Uint8Array(4) : bytesOf(value);
  const plain = new Uint8Array(type === "date" ? 4 : 4 + bytes.length);
  const days = Math.round(Date.parse(`${value}T00:00:00Z`) / 86_400_000);
  new DataView(plain.buffer).setInt32(0, type === "date" ? days : bytes.length, true);
  if (type === "text") plain.set(bytes, 4);
  return plain;
}

/** The schema's elements, with the kept columns, which are flat, and the added ones. */
function schemaOf(
  { struct }: ParquetFooter,
  { added, kept }: { readonly added: readonly AddedColumn[]; readonly kept: readonly boolean[] },
): ThriftValue[] {
  const [root, ...rest] = items(struct, FILE.schema) as ThriftStruct[];
  const own = rest.filter((_, column) => kept[column]);
  const elements = added.map(({ name, type }): ThriftStruct =>
    new Map([
      [ELEMENT.type, int32(type === "date" ? TYPE.int32 : TYPE.bytes)],
      [ELEMENT.repetition, int32(REQUIRED)],
      [ELEMENT.name, { type: THRIFT.binary, value: bytesOf(name) }],
      [ELEMENT.converted, int32(CONVERTED[type])],
    ])
  );
  const all = [...own, ...elements];
  return [new Map(root).set(ELEMENT.children, int32(BigInt(all.length))), ...all];
}

/** A column chunk so many bytes further on, with nothing but what finds and reads it. */
function moved(chunk: ThriftStruct, shift: number): ThriftStruct {
  const old = chunk.get(CHUNK.meta)!.value as ThriftStruct;
  const meta: ThriftStruct = new Map();
  for (const id of Object.values(COLUMN)) {
    const field = old.get(id);
    if (field !== undefined) meta.set(id, isOffset(id, field) ? further(field, shift) : field);
  }
  return new Map([[CHUNK.offset, further(chunk.get(CHUNK.offset)!, shift)], [CHUNK.meta, {
    type: THRIFT.struct,
    value: meta,
  }]]);
}

function isOffset(id: number, { value }: ThriftField): boolean {
  // Some writers give 0 for a dictionary that is not there.
  return id === COLUMN.dataPage || id === COLUMN.dictionary && value as bigint > 0n;
}

function further({ type, value }: ThriftField, shift: number): ThriftField {
  return { type, value: (value as bigint) + BigInt(shift) };
}

function items(struct: ThriftStruct, id: number): readonly ThriftValue[] {
  return (struct.get(id)!.value as ThriftList).items;
}

function listOf(type: number, items: ThriftValue[]): ThriftField {
  return { type: THRIFT.list, value: { type, items } };
}

function int32(value: bigint): ThriftField {
  return { type: THRIFT.int32, value };
}

function int64(value: bigint): ThriftField {
  return { type: THRIFT.int64, value };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function tailOf(footerBytes: number): Uint8Array {
  const tail = new Uint8Array(TAIL_BYTES);
  new DataView(tail.buffer).setUint32(0, footerBytes, true);
  tail.set(PARQUET_MAGIC, 4);
  return tail;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
