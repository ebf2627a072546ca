import type { Column } from "../dataset/dataset.ts";
import { type Day, isDay } from "../dataset/day.ts";
import { TaskError } from "../task/errors.ts";
import { parseSourceState, type SourceState } from "../dataset/source_state.ts";

/** Version of the manifest's own form. */
export const MANIFEST_FORMAT = 2;

/** Name of a day's file in a lane of a dataset. */
export function fileOf(dataset: string): string {
  return `${dataset}.parquet`;
}

/** Whether exports of a dataset have given a name to a day's file: one a day, and before format 2 several. */
export function isFileOf(dataset: string, file: string): boolean {
  const [, name] = /^(\w+)(?:-[2-9]|-[1-9]\d{1,8})?\.parquet$/.exec(file) ?? [];
  return name === dataset;
}

/** One file, as it was written. */
export interface ManifestFile {
  /** Its name in its day's directory. */
  readonly file: string;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
}

/** One day of a lane. */
export interface ManifestDay {
  /** Its file; several where a day was written before format 2. */
  readonly files: readonly ManifestFile[];
  /** Rows by kind of source. */
  readonly rows: Readonly<Record<string, number>>;
  /** First value of the column that gives the day, in microseconds since 1970, as digits. */
  readonly firstMicros: string;
  /** Last value, likewise. */
  readonly lastMicros: string;
  /** Digest of the columns, their types and the redactions that the files were written with. */
  readonly schema: string;
  /** By source key, the source's identity and the day's fingerprint when the day was written: "identity/fingerprint". */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** SHA-256 of the tuples as they were read, by kind of source. */
  readonly digests: Readonly<Record<string, string>>;
  /** By key of a SQLite source, the digest of its rows' keys. */
  readonly keys: Readonly<Record<string, string>>;
  /** Rows that were left out because they have no representation, by kind of source. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** What a lane holds. No value of a row is in it but the bounds of the column that gives the day. */
export interface Manifest {
  /** Version of this form. */
  readonly format: typeof MANIFEST_FORMAT;
  /** Name of its dataset. */
  readonly dataset: string;
  /** Names and DuckDB types, in file order. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
  /** Which Postgres the lane mirrors; null before its first export from one. */
  readonly source: string | null;
  /** Where that Postgres was when the fingerprints were taken; null where they must not be relied on. */
  readonly state: SourceState | null;
  /** By day; days without rows are not there. */
  readonly days: Readonly<Record<Day, ManifestDay>>;
}

/** A dataset's columns as a manifest names them. */
export function columnPairs(columns: readonly Column[]): Manifest["columns"] {
  return columns.map(({ name, duckdbType }) => [name, duckdbType]);
}

/** The manifest of a lane without files. */
export function emptyManifest(dataset: string, columns: readonly Column[]): Manifest {
  const pairs = columnPairs(columns);
  return { format: MANIFEST_FORMAT, dataset, columns: pairs, redacted: [], source: null, state: null, days: {} };
}

/** A manifest as text: the same manifest is the same text. */
export function formatManifest(manifest: Manifest): string {
  const days = Object.fromEntries(Object.entries(manifest.days).sort(([a], [b]) => a < b ? -1 : 1));
  return JSON.stringify({ ...manifest, days }, null, 1) + "\n";
}

/** The manifest that a text holds; one of format 1 as what it says of its days, which have no digests yet.
 *
 * Errors: TaskError naming the path when it is none, of another format or another dataset's.
 */
export function parseManifest(path: string, text: string, dataset?: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw manifestError(path, "it is not JSON; remove it and export again");
  }
  const format = isRecord(value) ? value.format : undefined;
  if (format !== 1 && format !== MANIFEST_FORMAT) {
    throw manifestError(path, `it is not of format ${MANIFEST_FORMAT}; export to another directory`);
  }
  const manifest = format === 1 ? fromFirstFormat(value as FirstManifest) : value;
  if (!isManifest(manifest)) throw manifestError(path, "it is damaged; remove it and export again");
  if (dataset !== undefined && manifest.dataset !== dataset) {
    throw manifestError(path, `it is that of another dataset, not of ${dataset}; export to another directory`);
  }
  return manifest;
}

function manifestError(path: string, finding: string): TaskError {
  return new TaskError(`Cannot read manifest "${path}": ${finding}`);
}

/** Rows of a day by source. */
export function rowsOf(day: ManifestDay | undefined, kind: string): number {
  return day?.rows[kind] ?? 0;
}

/** A manifest of format 1, as far as it is looked at. */
interface FirstManifest {
  readonly days?: Readonly<Record<string, { readonly parts?: readonly FirstPart[] } | null>>;
}

type FirstPart = ManifestFile & Pick<ManifestDay, "rows"> & Readonly<Record<"minCreatedAt" | "maxCreatedAt", string>>;

/** What stood in format 1, in today's form; undefined where it is damaged. */
function fromFirstFormat(manifest: FirstManifest): unknown {
  const { days } = manifest;
  if (!isRecord(days)) return undefined;
  const entries = Object.entries(days as NonNullable<FirstManifest["days"]>);
  const isPart = (part: unknown) =>
    isRecord(part) && isRecord(part.rows) && isMicros(part.minCreatedAt) &&
    isMicros(part.maxCreatedAt);
  if (!entries.every(([, day]) => isRecord(day) && isArrayOf(isPart)(day.parts))) return undefined;
  return {
    ...manifest,
    format: MANIFEST_FORMAT,
    source: null,
    state: null,
    days: Object.fromEntries(entries.map(([day, entry]) => [day, fromFirstDay(entry!)])),
  };
}

/** Without a schema, so that the day is written anew. */
function fromFirstDay({ parts = [], ...day }: { readonly parts?: readonly FirstPart[] }): object {
  const rows: Record<string, number> = {};
  for (const part of parts) {
    for (const [kind, count] of Object.entries(part.rows)) rows[kind] = (rows[kind] ?? 0) + count;
  }
  const [first, last] = [parts.map((part) => part.minCreatedAt), parts.map((part) => part.maxCreatedAt)];
  const order = (a: string, b: string) => BigInt(a) < BigInt(b) ? -1 : 1;
  return {
    ...day,
    files: parts.map(({ file, sizeBytes, sha256 }) => ({ file, sizeBytes, sha256 })),
    rows,
    firstMicros: first.sort(order)[0],
    lastMicros: last.sort(order).at(-1),
    schema: "",
    digests: {},
    keys: {},
  };
}

/** Whether everything that an export relies on is there, and of the form that it has. */
function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value)) return false;
  const { dataset, columns, redacted, source, state, days } = value;
  return isText(dataset) && isArrayOf((pair) => isArrayOf(isText)(pair) && (pair as unknown[]).length === 2)(columns) &&
    isArrayOf(isText)(redacted) && (source === null || isText(source)) &&
    (state === null || parseSourceState(state) !== undefined) && isRecord(days) &&
    Object.entries(days).every(([day, entry]) => isDay(day) && isManifestDay(dataset, entry));
}

function isManifestDay(dataset: string, value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { files, rows, firstMicros, lastMicros, schema, fingerprints, digests, keys, skipped } = value;
  return isArrayOf((file) => isManifestFile(dataset, file))(files) && (files as unknown[]).length > 0 &&
    isRecordOf(isCount)(rows) &&
    isMicros(firstMicros) && isMicros(lastMicros) && isText(schema) && isRecordOf(isText)(fingerprints) &&
    isRecordOf(isHash)(digests) && isRecordOf(isText)(keys) && isRecordOf(isCount)(skipped);
}

function isManifestFile(dataset: string, value: unknown): boolean {
  return isRecord(value) && isText(value.file) && isFileOf(dataset, value.file) && isCount(value.sizeBytes) &&
    isHash(value.sha256);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isHash = (value: unknown): boolean => isText(value) && /^[0-9a-f]{64}$/.test(value);
const isMicros = (value: unknown): boolean => isText(value) && /^-?\d{1,20}$/.test(value);
const isArrayOf = (check: (value: unknown) => boolean) => (value: unknown): boolean =>
  Array.isArray(value) && value.every(check);
const isRecordOf = (check: (value: unknown) => boolean) => (value: unknown): boolean =>
  isRecord(value) && Object.values(value).every(check);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
