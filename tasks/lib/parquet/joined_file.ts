import { columnNames, formatFooter, type ParquetFooter } from "./footer.ts";
import {
  binary,
  CHUNK,
  COLUMN,
  ELEMENT,
  ENCODING,
  FILE,
  GROUP,
  int32,
  int64,
  list,
  nested,
  PAGE,
  PAGE_TYPE,
  PAGE_VALUES,
  struct,
} from "./format.ts";
import { GrowingBytes } from "./growing_bytes.ts";
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

/** What finds and reads a column chunk: all but statistics and indexes. */
const KEPT_FIELDS = [
  COLUMN.type,
  COLUMN.encodings,
  COLUMN.path,
  COLUMN.codec,
  COLUMN.values,
  COLUMN.uncompressed,
  COLUMN.compressed,
  COLUMN.dataPage,
  COLUMN.dictionary,
];

/** How an added column is stored: the numbers of Type and ConvertedType. */
const STORED = { date: { type: 1, converted: 6 }, text: { type: 6, converted: 0 } } as const;

const REQUIRED = 0;
const UNCOMPRESSED = 0;

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
    footer.groups.map(({ struct: old, rows }) => {
      const chunks = items(old, GROUP.columns).filter((_, column) => kept[column]) as ThriftStruct[];
      const more = added.map((column, number) => pages.chunk(column, { value: values[number], rows }));
      const group = struct([
        [GROUP.columns, list(THRIFT.struct, [...chunks.map((chunk) => moved(chunk, starts[index])), ...more])],
        [GROUP.sizeBytes, old.get(GROUP.sizeBytes)!],
        [GROUP.rows, int64(rows)],
      ]);
      return { rows, bytes: encodeThrift(group) };
    })
  );
  const like = struct([
    [FILE.version, int32(1)],
    [FILE.schema, list(THRIFT.struct, schemaOf(parts[0].footer, { added, kept }))],
  ]);
  pages.bytes.append(formatFooter({ struct: like, groups: [] }, groups));
  const end = pages.bytes.taken();
  return { starts, end, sizeBytes: at + end.length };
}

/** Pages of the added columns, one behind the other. */
class Pages {
  readonly bytes = new GrowingBytes();
  #start: number;

  constructor(start: number) {
    this.#start = start;
  }

  /** The column chunk of a value that all rows of a row group have; its two pages are added. */
  chunk({ name, type }: AddedColumn, { value, rows }: { readonly value: string; readonly rows: number }): ThriftStruct {
    const dictionary = this.#add(PAGE_TYPE.dictionary, plainValue(type, value), [
      PAGE.dictionary,
      nested([PAGE_VALUES.count, int32(1)], [PAGE_VALUES.encoding, int32(ENCODING.plain)]),
    ]);
    const values = this.#add(PAGE_TYPE.data, firstOfDictionary(rows), [
      PAGE.data,
      nested(
        [PAGE_VALUES.count, int32(rows)],
        [PAGE_VALUES.encoding, int32(ENCODING.dictionary)],
        [PAGE_VALUES.definitionLevels, int32(ENCODING.rle)],
        [PAGE_VALUES.repetitionLevels, int32(ENCODING.rle)],
      ),
    ]);
    const sizeBytes = int64(this.#start + this.bytes.size - dictionary);
    const meta = nested(
      [COLUMN.type, int32(STORED[type].type)],
      [COLUMN.encodings, list(THRIFT.int32, [ENCODING.plain, ENCODING.rle, ENCODING.dictionary].map(BigInt))],
      [COLUMN.path, list(THRIFT.binary, [binary(name).value])],
      [COLUMN.codec, int32(UNCOMPRESSED)],
      [COLUMN.values, int64(rows)],
      [COLUMN.uncompressed, sizeBytes],
      [COLUMN.compressed, sizeBytes],
      [COLUMN.dataPage, int64(values)],
      [COLUMN.dictionary, int64(dictionary)],
    );
    return struct([[CHUNK.offset, int64(dictionary)], [CHUNK.meta, meta]]);
  }

  /** Adds a page and tells where in the file it begins. */
  #add(type: number, body: Uint8Array, kind: readonly [id: number, field: ThriftField]): number {
    const start = this.#start + this.bytes.size;
    const size = int32(body.length);
    const header = struct([[PAGE.type, int32(type)], [PAGE.uncompressed, size], [PAGE.compressed, size], kind]);
    this.bytes.append(encodeThrift(header));
    this.bytes.append(body);
    return start;
  }
}

/** So many times the first value of a dictionary: the width of an index in bits, and one run. */
function firstOfDictionary(rows: number): Uint8Array {
  const body = new GrowingBytes();
  body.byte(1);
  body.varint(rows << 1);
  body.byte(0);
  return body.taken();
}

function plainValue(type: AddedColumn["type"], value: string): Uint8Array {
  const bytes = type === "date" ? new Uint8Array(0) : new TextEncoder().encode(value);
  const plain = new Uint8Array(4 + bytes.length);
  const days = Math.round(Date.parse(`${value}T00:00:00Z`) / 86_400_000);
  new DataView(plain.buffer).setInt32(0, type === "date" ? days : bytes.length, true);
  plain.set(bytes, 4);
  return plain;
}

/** The schema's elements, with the kept columns, which are flat, and the added ones. */
function schemaOf(
  footer: ParquetFooter,
  { added, kept }: { readonly added: readonly AddedColumn[]; readonly kept: readonly boolean[] },
): ThriftValue[] {
  const [root, ...rest] = items(footer.struct, FILE.schema) as ThriftStruct[];
  const own = rest.filter((_, column) => kept[column]);
  const elements = added.map(({ name, type }) =>
    struct([
      [ELEMENT.type, int32(STORED[type].type)],
      [ELEMENT.repetition, int32(REQUIRED)],
      [ELEMENT.name, binary(name)],
      [ELEMENT.converted, int32(STORED[type].converted)],
    ])
  );
  const all = [...own, ...elements];
  return [new Map(root).set(ELEMENT.children, int32(all.length)), ...all];
}

/** A column chunk so many bytes further on, with nothing but what finds and reads it. */
function moved(chunk: ThriftStruct, shift: number): ThriftStruct {
  const old = chunk.get(CHUNK.meta)!.value as ThriftStruct;
  const meta: ThriftStruct = new Map();
  for (const id of KEPT_FIELDS) {
    const field = old.get(id);
    if (field !== undefined) meta.set(id, isOffset(id, field) ? further(field, shift) : field);
  }
  const offset = further(chunk.get(CHUNK.offset)!, shift);
  return struct([[CHUNK.offset, offset], [CHUNK.meta, { type: THRIFT.struct, value: meta }]]);
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
