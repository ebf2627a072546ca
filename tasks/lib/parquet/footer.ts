import { CHUNK, COLUMN, ELEMENT, FILE, GROUP, PAIR, STATISTICS } from "./format.ts";
import { decodeThrift, encodeThrift, THRIFT, type ThriftList, type ThriftStruct, type ThriftValue } from "./thrift.ts";

/** Bytes at the start of a Parquet file, and at its end behind the footer's length. */
export const PARQUET_MAGIC: Uint8Array<ArrayBuffer> = new TextEncoder().encode("PAR1");

/** Bytes behind the footer: its length and the magic. */
export const TAIL_BYTES = 8;

/** The footer of a Parquet file, every field as it stands there. */
export interface ParquetFooter {
  /** FileMetaData. */
  readonly struct: ThriftStruct;
  /** Its row groups, in file order. */
  readonly groups: readonly RowGroup[];
}

/** A row group, and where its bytes are. */
export interface RowGroup {
  /** How many rows. */
  readonly rows: number;
  /** First byte in the file. */
  readonly start: number;
  /** First byte behind it. */
  readonly end: number;
  /** RowGroup. */
  readonly struct: ThriftStruct;
}

/** A row group whose struct is kept as its bytes: of a large file's many, the objects would be most of the memory. */
export interface EncodedGroup extends Omit<RowGroup, "struct"> {
  /** RowGroup, encoded. */
  readonly bytes: Uint8Array;
}

/** The least and the greatest value of a column in a row group, in the column's own encoding. */
export type Bounds = Readonly<Record<"min" | "max", Uint8Array>>;

/** Length of the footer that the last eight bytes of a file announce.
 *
 * Errors: RangeError where they are no end of a Parquet file.
 */
export function footerLength(tail: Uint8Array): number {
  const isMagic = tail.length === TAIL_BYTES && PARQUET_MAGIC.every((byte, index) => tail[4 + index] === byte);
  if (!isMagic) throw new RangeError("it does not end as a Parquet file does");
  return new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
}

/** A footer from its bytes, the length and magic behind it left out.
 *
 * Errors: RangeError where they are no footer.
 * Source: parquet-format, parquet.thrift, FileMetaData.
 */
export function parseFooter(bytes: Uint8Array): ParquetFooter {
  const struct = decodeThrift(bytes);
  return { struct, groups: structsIn(struct, FILE.groups).map(toGroup) };
}

/** A whole file in memory: its row groups, and its footer without the length and magic behind it. */
export function splitFile(file: Uint8Array): { readonly rowGroups: Uint8Array; readonly footer: Uint8Array } {
  const end = file.length - TAIL_BYTES;
  const start = end - footerLength(file.subarray(end));
  return { rowGroups: file.subarray(PARQUET_MAGIC.length, start), footer: file.subarray(start, end) };
}

/** The footer of a whole file in memory. */
export function footerOf(file: Uint8Array): ParquetFooter {
  return parseFooter(splitFile(file).footer);
}

/** Names of a file's columns, in order. */
export function columnNames({ struct }: ParquetFooter): string[] {
  const leaves = structsIn(struct, FILE.schema).filter((element) => !element.has(ELEMENT.children));
  return leaves.map((element) => textOf(element.get(ELEMENT.name)?.value));
}

/** A file's key-value metadata. */
export function metadataOf({ struct }: ParquetFooter): ReadonlyMap<string, string> {
  const pairs = struct.has(FILE.metadata) ? structsIn(struct, FILE.metadata) : [];
  return new Map(pairs.map((pair) => [textOf(pair.get(PAIR.key)?.value), textOf(pair.get(PAIR.value)?.value)]));
}

/** Bounds of a column's values in a row group; undefined where the writer gave none. */
export function boundsOf({ struct }: RowGroup, column: string): Bounds | undefined {
  const metas = structsIn(struct, GROUP.columns).map((chunk) => structIn(chunk, CHUNK.meta));
  const meta = metas.find((meta) => listIn(meta, COLUMN.path).items.map(textOf).join(".") === column);
  const statistics = meta?.get(COLUMN.statistics)?.value;
  if (!(statistics instanceof Map)) return undefined;
  const [min, max] = [STATISTICS.min, STATISTICS.max].map((id) => statistics.get(id)?.value);
  return min instanceof Uint8Array && max instanceof Uint8Array ? { min, max } : undefined;
}

/** Bytes that the rows of these columns take in a table, about.
 *
 * A text that many rows share stands in a file once and in a table as often as there are rows: its bounds tell how long
 * texts are.
 */
export function bytesInTable({ groups }: ParquetFooter, keep: (column: string) => boolean): number {
  const sizes = groups.flatMap(({ rows, struct }) =>
    structsIn(struct, GROUP.columns).map((chunk) => structIn(chunk, CHUNK.meta))
      .filter((meta) => keep(listIn(meta, COLUMN.path).items.map(textOf).join(".")))
      .map((meta) => numberIn(meta, COLUMN.type) === BYTE_ARRAY ? textBytes(meta, rows) : rows * VALUE_BYTES)
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const BYTE_ARRAY = 6;
/** Of a number or a time in a table. */
const VALUE_BYTES = 8;
/** Of a text in a table, beside its own bytes. */
const TEXT_BYTES = 8;

function textBytes(meta: ThriftStruct, rows: number): number {
  const statistics = meta.get(COLUMN.statistics)?.value;
  const bounds = statistics instanceof Map
    ? [STATISTICS.min, STATISTICS.max].map((id) => statistics.get(id)?.value).filter((value) =>
      value instanceof Uint8Array
    )
    : [];
  const mean = bounds.reduce((sum, { length }) => sum + length, 0) / Math.max(1, bounds.length);
  return Math.max(numberIn(meta, COLUMN.uncompressed), rows * mean) + rows * TEXT_BYTES;
}

/** A row group whose bytes stand `shift` bytes further on: every offset in it moves, nothing else changes. */
export function moveGroup(group: RowGroup, shift: number): RowGroup {
  const struct = moved(group.struct, shift, [GROUP.offset]);
  // Its number in its old file, which would be wrong in another one.
  struct.delete(GROUP.ordinal);
  const { type, items } = listIn(struct, GROUP.columns);
  const columns = (items as ThriftStruct[]).map((chunk) => {
    const copy = moved(chunk, shift, [CHUNK.offset, CHUNK.offsetIndex, CHUNK.columnIndex]);
    const meta = moved(structIn(chunk, CHUNK.meta), shift, [
      COLUMN.dataPage,
      COLUMN.indexPage,
      COLUMN.dictionary,
      COLUMN.bloom,
    ]);
    return copy.set(CHUNK.meta, { type: THRIFT.struct, value: meta });
  });
  struct.set(GROUP.columns, { type: THRIFT.list, value: { type, items: columns } });
  return { rows: group.rows, start: group.start + shift, end: group.end + shift, struct };
}

/** A row group as its bytes, which were decoded once more.
 *
 * Errors: RangeError where they do not say what they should.
 */
export function encodeGroup({ struct, ...place }: RowGroup): EncodedGroup {
  const bytes = encodeThrift(struct);
  const { rows, start, end } = toGroup(decodeThrift(bytes));
  if (rows === place.rows && start === place.start && end === place.end) return { ...place, bytes };
  throw new RangeError("a row group is not where it should be");
}

/** The end of a file that holds these row groups: footer, length and magic.
 *
 * Shape: `like` is the footer of any file with the same schema; its other fields are taken over.
 */
export function formatFooter(
  like: ParquetFooter,
  groups: readonly (Pick<RowGroup, "rows" | "struct"> | Pick<EncodedGroup, "rows" | "bytes">)[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> {
  const rows = groups.reduce((sum, group) => sum + BigInt(group.rows), 0n);
  // In a list of structs, bytes stand for one that is encoded already.
  const structs = groups.map((group) => "bytes" in group ? group.bytes : group.struct);
  const list = (items: ThriftValue[]) => ({ type: THRIFT.list, value: { type: THRIFT.struct, items } });
  const fields = new Map(like.struct)
    .set(FILE.rows, { type: THRIFT.int64, value: rows })
    .set(FILE.groups, list(structs))
    .set(FILE.metadata, list([...metadata].map(toPair)));
  if (metadata.size === 0) fields.delete(FILE.metadata);
  const footer = encodeThrift(new Map([...fields].sort(([a], [b]) => a - b)));
  const end = new Uint8Array(footer.length + TAIL_BYTES);
  end.set(footer);
  new DataView(end.buffer).setUint32(footer.length, footer.length, true);
  end.set(PARQUET_MAGIC, footer.length + 4);
  return end;
}

/** The schema's bytes: files of one schema can be joined. */
export function schemaBytes({ struct }: ParquetFooter): Uint8Array {
  return encodeThrift(new Map([[FILE.schema, struct.get(FILE.schema)!]]));
}

function toGroup(struct: ThriftStruct): RowGroup {
  const metas = structsIn(struct, GROUP.columns).map((chunk) => structIn(chunk, CHUNK.meta));
  const ranges = metas.map((meta) => {
    const offsets = [COLUMN.dictionary, COLUMN.dataPage].map((id) => numberIn(meta, id)).filter((offset) => offset > 0);
    const start = Math.min(...offsets);
    return { start, end: start + numberIn(meta, COLUMN.compressed) };
  });
  return {
    rows: numberIn(struct, GROUP.rows),
    start: Math.min(...ranges.map(({ start }) => start)),
    end: Math.max(...ranges.map(({ end }) => end)),
    struct,
  };
}

/** A copy whose offsets move; 0 stands for "not given". */
function moved(struct: ThriftStruct, shift: number, ids: readonly number[]): ThriftStruct {
  const copy: ThriftStruct = new Map(struct);
  for (const id of ids) {
    const field = struct.get(id);
    if (typeof field?.value === "bigint" && field.value > 0n) {
      copy.set(id, { type: field.type, value: field.value + BigInt(shift) });
    }
  }
  return copy;
}

function toPair([key, value]: readonly [string, string]): ThriftStruct {
  const field = (text: string) => ({ type: THRIFT.binary, value: new TextEncoder().encode(text) });
  return new Map([[PAIR.key, field(key)], [PAIR.value, field(value)]]);
}

function structIn(struct: ThriftStruct, id: number): ThriftStruct {
  const value = struct.get(id)?.value;
  if (value instanceof Map) return value;
  throw new RangeError(`field ${id} is missing`);
}

function listIn(struct: ThriftStruct, id: number): ThriftList {
  const value = struct.get(id)?.value;
  if (typeof value === "object" && "items" in value) return value;
  throw new RangeError(`list ${id} is missing`);
}

function structsIn(struct: ThriftStruct, id: number): ThriftStruct[] {
  const { items } = listIn(struct, id);
  if (items.every((item) => item instanceof Map)) return items as ThriftStruct[];
  throw new RangeError(`list ${id} holds something else`);
}

function numberIn(struct: ThriftStruct, id: number): number {
  const value = struct.get(id)?.value;
  return typeof value === "bigint" ? Number(value) : 0;
}

function textOf(value: ThriftValue | undefined): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
}
