import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import { type Day, nextDay, startOf } from "../dataset/day.ts";
import { type BadRow, type DayRange, type FileSource, rangesOf } from "../dataset/source.ts";
import { TaskError } from "../task/errors.ts";
import { SECONDS } from "./harness_columns.ts";
import type { HarnessDatabase } from "./harness_file.ts";
import type { SpooledDay } from "./harness_spool.ts";
import { spoolOnThreads } from "./harness_spool_threads.ts";

/** Options of `readHarness`. */
export interface HarnessOptions {
  /** What is exported. */
  readonly dataset: Dataset;
  /** The SELECT that gives the dataset's columns by name. */
  readonly select: string;
  /** Days to look at. */
  readonly range: DayRange;
  /** Whether the harness was opened with some of its rows alone. */
  readonly partial?: boolean;
  /** Keys of rows that a file named later holds too, where they are taken from. */
  readonly superseded?: ReadonlySet<string>;
  /** Called with each row that has no representation, which is left out; without it, it fails the export. */
  readonly onBadRow?: (row: BadRow) => void;
  /** Called for each seed of an exported row that is REAL, and so has lost its digits; it is NULL. */
  readonly onLostSeed?: () => void;
  /** Ends the reading early. */
  readonly signal: AbortSignal;
  /** Slices of rows that are worth a thread of their own (default 100). */
  readonly threadSlices?: number;
}

/** SQL for the key of an exported row of SQLite: its own key in `Source.supersedes`. */
export const HARNESS_ROW_KEY = "coalesce(execution_id, coalesce(run_id || '@', '') || epoch_us(created_at))";

/** Key of a harness file's fingerprints in a manifest, given its absolute path. */
export function harnessKey(path: string): string {
  return `sqlite:${path}`;
}

/** The executions and runs of a harness database as a source.
 *
 * Its fingerprints are digests of the rows themselves, so every row is converted once to plan; the tuples wait in a file
 * beside the copy.
 *
 * Errors: TaskError naming file, column and run for a value without a representation.
 */
export async function readHarness(harness: HarnessDatabase, options: HarnessOptions): Promise<FileSource> {
  const { dataset, select, range, superseded, signal } = options;
  const rows = { columns: fieldOrder(dataset), select, skipBadRows: options.onBadRow !== undefined };
  const request = { ...rows, ...boundsOf(range), withOdd: true, leftOut: superseded };
  const { days, supersedes, badRows, lostSeeds } = await spoolOnThreads(harness, request, options);
  for (const row of badRows) leaveOut(harness, { ...row, source: "sqlite" }, options);
  for (let i = 0; i < lostSeeds; i++) options.onLostSeed?.();
  const storedBut = async (known: ReadonlySet<string>, wanted: readonly Day[]) => {
    const leftOut = superseded ? superseded.union(known) : known;
    const stored = new Map<Day, SpooledDay>();
    for (const range of rangesOf(days.keys(), new Set(wanted))) {
      const again = { ...rows, ...boundsOf(range), withOdd: false, leftOut };
      for (const entry of (await spoolOnThreads(harness, again, { signal })).days) stored.set(...entry);
    }
    return stored;
  };
  const stored = async (wanted: readonly Day[], known?: ReadonlySet<string>) => {
    const found = known ? await storedBut(known, wanted) : days;
    return new Map(wanted.filter((day) => found.has(day)).map((day) => [day, found.get(day)!.stored]));
  };
  return {
    kind: "sqlite",
    key: harnessKey(harness.path),
    identity: "harness",
    partial: options.partial ?? false,
    days: new Map([...days].map(([day, { rows, fingerprint }]) => [day, { rows, fingerprint }])),
    keys: harness.keys,
    supersedes,
    stored,
  };
}

function boundsOf({ since, until }: DayRange): { since: bigint; until: bigint } {
  const secondsOf = (day: Day) => startOf(day) / 1_000_000n;
  const end = until === undefined || until === "9999-12-31" ? SECONDS.end : secondsOf(nextDay(until));
  return { since: since === undefined ? SECONDS.first : secondsOf(since), until: end };
}

function leaveOut(harness: HarnessDatabase, row: BadRow, { onBadRow }: HarnessOptions): void {
  if (onBadRow) return onBadRow(row);
  throw new TaskError(
    `Cannot export SQLite file "${harness.path}": run "${row.name}" ${row.finding}; correct the row, or leave it out with --skip-bad-rows`,
  );
}
