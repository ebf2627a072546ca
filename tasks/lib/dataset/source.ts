import type { ServerTarget } from "../task/target.ts";
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

/** Consecutive rows of a table that make row groups of their own: those of a day, or of some minutes of a large one. */
export interface Segment {
  /** The UTC day of every row. */
  readonly day: Day;
  /** Minutes of the day, from the first up to before the last. */
  readonly minutes: readonly [from: number, until: number];
  /** How many rows. */
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
export type Source = TableSource | FileSource;

/** What all sources tell. */
interface AnySource {
  /** Key of its fingerprints in the manifest: "postgres", or "sqlite:" and the file's path. */
  readonly key: string;
  /** Changes whenever all its fingerprints lose their meaning. */
  readonly identity: string;
  /** Whether it looks at some rows of its days alone: then their fingerprints stay as they are. */
  readonly partial: boolean;
  /** Its days, ascending, within the bounds it was opened with. */
  readonly days: ReadonlyMap<Day, SourceDay>;
}

/** A table of Postgres. */
export interface TableSource extends AnySource {
  readonly kind: "postgres";
  /** Where the server stands. */
  readonly log?: SourceLog;
  /** All rows of the given days, in segments that depend on the rows alone. */
  segments(days: readonly Day[]): Segment[];
  /** The COPY of consecutive segments, ordered by the column that gives the day, which is the first field, and by the key. */
  copySql(segments: readonly Segment[]): string;
  /** Runs such a COPY on the source's own session, one at a time. */
  read(sql: string, take: TakeMessage): Promise<void>;
  /** What other sessions need to see the same state; undefined where there can be no other. */
  share(): Promise<SharedSnapshot | undefined>;
  /** Says that none was had, so that nobody waits for one again: this table and the others of its snapshot share no more. */
  keepToItself(): void;
}

/** Takes a message of a COPY, bytes `start` to `end`; while a promise that it gives is not resolved, the server waits. */
export type TakeMessage = (bytes: Uint8Array, start: number, end: number) => void | Promise<void>;

/** A snapshot that other sessions can take over. */
export interface SharedSnapshot {
  /** Where the server is. */
  readonly target: ServerTarget;
  /** Its name, for SET TRANSACTION SNAPSHOT. */
  readonly id: string;
  /** The table, which is locked by its first session. */
  readonly table: string;
  /** Whether its rows come in the order of an index. */
  readonly byIndex: boolean;
  /** How long a server may send nothing, in milliseconds: between two rows, and before the first. */
  readonly idleMs: number;
  readonly startMs: number;
}

/** A harness file. */
export interface FileSource extends AnySource {
  readonly kind: "sqlite";
  /** For each row, the keys of the older rows that it replaces. */
  readonly supersedes: readonly RowKeys[];
  /** By day, a digest of its rows' keys alone. */
  readonly keys?: ReadonlyMap<Day, string>;
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
