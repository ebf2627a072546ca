import type { Day } from "./day.ts";
import type { CurrentState } from "./source_state.ts";

/** All kinds of source. */
export const SOURCE_KINDS = ["postgres", "sqlite"] as const;

/** Names of the kinds of source, as they stand in the column `source`. */
export type SourceKind = typeof SOURCE_KINDS[number];

/** What a source has of one day. */
export interface SourceDay {
  /** How many rows. */
  readonly rows: number;
  /** Changes whenever a row of the day does. */
  readonly fingerprint: string;
}

/** A row that is left out, without its value: what names it (its dataset's label), its kind of source, and a finding that
 * names the column. */
export type BadRow = Readonly<Record<"name" | "source" | "finding", string>>;

/** Some tuples of one day. */
export interface DayBlock {
  /** The UTC day of every row. */
  readonly day: Day;
  /** Whole COPY BINARY tuples, the fields in the order of `fields`. */
  readonly tuples: Uint8Array<ArrayBuffer>;
  /** How many. */
  readonly rows: number;
}

/** Tuples of one day in a file: consecutive blocks of whole COPY BINARY tuples, without header or trailer. */
export interface StoredTuples {
  /** The file. */
  readonly path: string;
  /** Where the first block begins, in bytes. */
  readonly start: number;
  /** In the order of the file. */
  readonly blocks: readonly Readonly<Record<"sizeBytes" | "rows", number>>[];
}

/** One consistent state of a source, for as long as it is open. */
export interface Source {
  /** Kind of source. */
  readonly kind: SourceKind;
  /** Key of its fingerprints in the manifest: "postgres", or "sqlite:" and the file's path. */
  readonly key: string;
  /** Changes whenever all its fingerprints lose their meaning. */
  readonly identity: string;
  /** Whether it looks at some rows of its days alone: then their fingerprints stay as they are. */
  readonly partial: boolean;
  /** Its days, ascending, within the bounds it was opened with. */
  readonly days: ReadonlyMap<Day, SourceDay>;
  /** For each row of SQLite, the keys of the older rows that it replaces. */
  readonly supersedes: readonly RowKeys[];
  /** By day, a digest of its rows' keys alone; SQLite only. */
  readonly keys?: ReadonlyMap<Day, string>;
  /** Where a Postgres stands. */
  readonly log?: SourceLog;
  /** The rows of the given days, day by day in ascending order, but for those whose own key is known; one call at a
   * time. */
  blocks(days: readonly Day[], known?: ReadonlySet<string>): AsyncIterable<DayBlock>;
}

/** A harness file as a source. */
export interface FileSource extends Source {
  /** The rows of the given days, but for those whose own key is known. */
  stored(days: readonly Day[], known?: ReadonlySet<string>): Promise<ReadonlyMap<Day, StoredTuples>>;
}

/** Keys of a row of SQLite, its own first: the execution's id, and RUN@MICROS, MICROS alone without a run. */
export type RowKeys = readonly [own: string, ...others: string[]];

/** The log of a Postgres: which one it is, and whether it has only gone forward. */
export interface SourceLog {
  /** State at the snapshot. */
  readonly state: CurrentState;
  /** Whether nothing that the snapshot shows can be lost in a crash. */
  isFlushed(): Promise<boolean>;
}

/** First and last day that an export looks at; open where undefined. */
export type DayRange = Readonly<Partial<Record<"since" | "until", Day>>>;

/** Whether a day lies in a range. */
export function isInRange(day: Day, { since, until }: DayRange): boolean {
  return (since === undefined || day >= since) && (until === undefined || day <= until);
}

/** Ranges that hold all wanted days and no other one of a source's ascending days. */
export function rangesOf(days: Iterable<Day>, wanted: ReadonlySet<Day>): { since: Day; until: Day }[] {
  const ranges: { since: Day; until: Day }[] = [];
  let open = false;
  for (const day of days) {
    if (wanted.has(day)) {
      if (open) ranges.at(-1)!.until = day;
      else ranges.push({ since: day, until: day });
    }
    open = wanted.has(day);
  }
  return ranges;
}
