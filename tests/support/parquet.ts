import { join } from "node:path";
import { type FileMetaData, parquetMetadata, parquetReadObjects, type SchemaElement } from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** A value exactly as the file holds it.
 *
 * INT64 and timestamps (microseconds since 1970) are bigint, decimals bigint without their point, texts decoded strictly.
 */
export type ParquetValue = null | boolean | number | bigint | string;

/** One row by column name. */
export type ParquetRow = Readonly<Record<string, ParquetValue>>;

/** A Parquet file, read by hyparquet. */
export interface ParquetFile {
  /** Names and types of its columns, in order. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Rows of each row group. */
  readonly rowGroups: readonly number[];
  /** All rows, in order. */
  readonly rows: readonly ParquetRow[];
}

/** A file of a lane. */
export interface LaneFile extends ParquetFile {
  /** Relative to the lane, for example "dt=2025-08-29/checks.parquet". */
  readonly path: string;
}

/** The rows and the form of a Parquet file, without any conversion of hyparquet's own, some of which lose digits. */
export async function readParquet(bytes: Uint8Array): Promise<ParquetFile> {
  const file = bytes.slice().buffer;
  const metadata = parquetMetadata(file);
  const elements = metadata.schema.slice(1);
  const raw = await parquetReadObjects({ file, metadata: withoutTypes(metadata), compressors, utf8: false });
  return {
    columns: elements.map((element) => ({ name: element.name, type: typeOf(element) })),
    rowGroups: metadata.row_groups.map((group) => Number(group.num_rows)),
    rows: raw.map((row) =>
      Object.fromEntries(elements.map((element) => [element.name, toValue(element, row[element.name])]))
    ),
  };
}

/** All Parquet files of a lane's directory, by path. */
export async function readLane(lane: string): Promise<LaneFile[]> {
  const files: LaneFile[] = [];
  for (const path of await listLane(lane)) {
    if (path.endsWith(".parquet")) files.push({ path, ...await readParquet(await Deno.readFile(join(lane, path))) });
  }
  return files;
}

/** Paths of all files of a lane, relative to it and sorted; empty for a lane that is not there. */
export async function listLane(lane: string, under = ""): Promise<string[]> {
  const paths: string[] = [];
  const exists = await Deno.stat(join(lane, under)).then(() => true, () => false);
  if (!exists) return paths;
  for await (const { name, isDirectory } of Deno.readDir(join(lane, under))) {
    if (isDirectory) paths.push(...await listLane(lane, `${under}${name}/`));
    else paths.push(under + name);
  }
  return paths.sort();
}

/** The same metadata with physical types alone, so that values come as they are stored. */
function withoutTypes(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) => {
    const { converted_type: _converted, logical_type: _logical, ...rest } = element;
    return rest;
  });
  return { ...metadata, schema };
}

function typeOf({ type, type_length, converted_type, precision, scale }: SchemaElement): string {
  const physical = type === "FIXED_LEN_BYTE_ARRAY" ? `${type}(${type_length})` : `${type}`;
  if (converted_type === "DECIMAL") return `${physical} DECIMAL(${precision},${scale ?? 0})`;
  return converted_type ? `${physical} ${converted_type}` : physical;
}

/** Byte order marks are part of a text. */
const TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function toValue({ converted_type }: SchemaElement, value: unknown): ParquetValue {
  if (value === null || value === undefined) return null;
  if (converted_type === "DECIMAL") return value instanceof Uint8Array ? bigEndian(value) : BigInt(value as bigint);
  if (converted_type === "UTF8") return TEXT.decode(value as Uint8Array);
  if (value instanceof Uint8Array) throw new Error("A column of bytes is neither text nor a decimal");
  return value as ParquetValue;
}

/** A two's complement number, highest byte first. */
function bigEndian(bytes: Uint8Array): bigint {
  const unsigned = bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return BigInt.asIntN(8 * bytes.length, unsigned);
}
