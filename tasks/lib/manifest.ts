import type { Column } from "./dataset.ts";
import { type Day, isDay } from "./day.ts";
import { TaskError } from "./errors.ts";

/** Version of the manifest's own form. */
export const MANIFEST_FORMAT = 1;

/** Names that an export gives to the files of a day. */
export const PART_FILE = /^checks(-[2-9]|-[1-9]\d+)?\.parquet$/;

/** One file of a day, as it was written. */
export interface ManifestPart {
  /** "checks.parquet", "checks-2.parquet" and so on. */
  readonly file: string;
  /** Rows by source. */
  readonly rows: Readonly<Record<string, number>>;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** First created_at, in microseconds since 1970, as digits. */
  readonly minCreatedAt: string;
  /** Last created_at, likewise. */
  readonly maxCreatedAt: string;
}

/** One day of a lane. */
export interface ManifestDay {
  /** By source key, the source's identity and the day's fingerprint when the day was written: "identity/fingerprint". */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Digest of the columns, their types and the redactions that the files were written with. */
  readonly schema: string;
  /** Rows that were left out because they have no representation, by kind of source. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Its files, in order. */
  readonly parts: readonly ManifestPart[];
}

/** What a lane holds. No value of a row is in it but the bounds of created_at. */
export interface Manifest {
  /** Version of this form. */
  readonly format: typeof MANIFEST_FORMAT;
  /** For example "checks". */
  readonly dataset: string;
  /** Names and DuckDB types, in file order. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
  /** By day; days without rows are not there. */
  readonly days: Readonly<Record<Day, ManifestDay>>;
}

/** The manifest of a lane without files. */
export function emptyManifest(dataset: string, columns: readonly Column[]): Manifest {
  const pairs = columns.map(({ name, duckdbType }) => [name, duckdbType] as const);
  return { format: MANIFEST_FORMAT, dataset, columns: pairs, redacted: [], days: {} };
}

/** A manifest as text: the same manifest is the same text. */
export function formatManifest(manifest: Manifest): string {
  const days = Object.fromEntries(Object.entries(manifest.days).sort(([a], [b]) => a < b ? -1 : 1));
  return JSON.stringify({ ...manifest, days }, null, 1) + "\n";
}

/** The manifest that a text holds.
 *
 * Errors: TaskError naming the path when it is none, or of another format.
 */
export function parseManifest(path: string, text: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw new TaskError(`Cannot read manifest "${path}": it is not JSON; remove it and export with --full`);
  }
  if (manifest?.format !== MANIFEST_FORMAT) {
    throw new TaskError(
      `Cannot read manifest "${path}": it is not of format ${MANIFEST_FORMAT}; export to another directory`,
    );
  }
  if (!isWhole(manifest)) {
    throw new TaskError(`Cannot read manifest "${path}": it is damaged; remove it and export with --full`);
  }
  return manifest;
}

/** Whether everything that an export relies on is there. */
function isWhole({ columns, redacted, days }: Manifest): boolean {
  return Array.isArray(columns) && Array.isArray(redacted) && isRecord(days) &&
    Object.entries(days).every(([day, entry]) =>
      isDay(day) && isRecord(entry) && isRecord(entry.fingerprints) && isRecord(entry.skipped) &&
      Array.isArray(entry.parts) && entry.parts.every(isWholePart)
    );
}

function isWholePart(part: ManifestPart): boolean {
  return isRecord(part) && PART_FILE.test(part.file) && isRecord(part.rows) && Number.isSafeInteger(part.sizeBytes) &&
    typeof part.sha256 === "string";
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Rows of a day by source. */
export function rowsOf(day: ManifestDay | undefined, kind: string): number {
  return (day?.parts ?? []).reduce((sum, part) => sum + (part.rows[kind] ?? 0), 0);
}
