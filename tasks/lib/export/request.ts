import type { DayRange } from "../dataset/source.ts";
import type { ObjectStore } from "../store/store.ts";
import type { Report } from "../task/console.ts";
import type { Settings } from "../task/settings.ts";
import type { WriterKind } from "../task/writers.ts";

/** What one run of an export is asked to do. */
export interface ExportRequest {
  /** Names of the datasets; all that the sources can have where undefined. */
  readonly datasets?: readonly string[];
  /** Whether the Postgres of the settings is a source. */
  readonly postgres: boolean;
  /** Harness files that are sources; those named later win where they hold the same execution. */
  readonly sqlitePaths: readonly string[];
  /** The one harness run to append; everything where undefined. */
  readonly run?: string;
  /** Whether of the harness only what the lane lacks is appended. */
  readonly missingOnly: boolean;
  /** Days to look at. */
  readonly range: DayRange;
  /** Columns that leave as NULL; those of the lane where undefined. */
  readonly redacted?: readonly string[];
  /** Whether every day of Postgres is read, and not only those whose fingerprint has changed. */
  readonly full: boolean;
  /** Whether only the plan is wanted. */
  readonly dryRun: boolean;
  /** Whether every byte of the existing files is looked at, and every day of Postgres is read. */
  readonly verify: boolean;
  /** Whether Postgres may lose more than half of its days or rows. */
  readonly allowShrink: boolean;
  /** Whether another Postgres may take the lane over. */
  readonly newSource: boolean;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
  /** How many threads read and write at most; `defaultThreads` where undefined. */
  readonly threads?: number;
  /** What writes the files. */
  readonly writer: WriterKind;
  /** How long to wait for the lane, and for the embedded database. */
  readonly waitMs: number;
  /** How long to wait for a server that is not there yet; as `connect` does where undefined. */
  readonly serverWaitMs?: number;
  /** How long Postgres may send nothing between two rows. */
  readonly idleMs: number;
}

/** The request of an export without flags or sources. */
export const DEFAULT_REQUEST: ExportRequest = {
  postgres: false,
  sqlitePaths: [],
  range: {},
  full: false,
  dryRun: false,
  verify: false,
  allowShrink: false,
  newSource: false,
  skipBadRows: false,
  missingOnly: false,
  writer: "duckdb",
  waitMs: 60_000,
  idleMs: 60_000,
};

/** What a run works with. */
export interface ExportContext {
  /** The environment, its database and the directory of the lanes. */
  readonly settings: Settings;
  /** Where warnings and progress go. */
  readonly report: Report;
  /** Ends the export early. */
  readonly signal: AbortSignal;
  /** Where the lanes are; on the disk where undefined. */
  readonly store?: ObjectStore;
}
