import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import type { SentChunk } from "../parquet/messages.ts";
import type { ChunkPool, ChunkThread } from "../parquet/pool.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { createDayFile, type DayFile, type JoinedFile, type OldGroup, toStoredGroup } from "../lake/day_file.ts";
import type { DayPlan } from "./plan.ts";
import { dayPath } from "../lake/lake.ts";
import { unfinishedPath } from "../task/files.ts";
import { type BadRow, type DayBlock, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";

/** Rows of one row group at most: a thread's memory holds one. */
export const MAX_GROUP_ROWS = 32_768;

/** Rows that a day's row groups aim at, at most: what a block has too many still fits. */
export const AIM_ROWS = MAX_GROUP_ROWS - 2_048;

/** Bytes of tuples in one row group at most, so that long texts do not make one that memory cannot hold.
 *
 * An existing row group counts with its size in its file, which is smaller than its tuples.
 */
export const MAX_GROUP_BYTES = 64 * 1024 * 1024;

/** A day whose file is on the disk under a temporary name. */
export interface StagedDay {
  /** The day. */
  readonly day: Day;
  /** Its file; none where no row is left. */
  readonly file?: JoinedFile;
  /** Rows in it, by kind of source. */
  readonly rows: Readonly<Record<SourceKind, number>>;
  /** Rows that were read for it, by kind of source. */
  readonly read: Readonly<Record<SourceKind, number>>;
  /** Rows that were left out. */
  readonly badRows: readonly BadRow[];
  /** SHA-256 of the tuples as they were read, by kind of source, of the kinds that were read anew. */
  readonly digests: Readonly<Partial<Record<SourceKind, string>>>;
}

/** What the file of a day is made with. */
export interface DayStagerOptions {
  /** Directory of the lane. */
  readonly directory: string;
  /** Threads that make the chunks. */
  readonly pool: ChunkPool;
  /** What the lane holds. */
  readonly dataset: Pick<Dataset, "name" | "day">;
  /** Key-value metadata of every file. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The file of one day as it is made: each chunk goes to the thread that has least to do. */
export interface DayStager {
  /** Begins the rows of a kind of source, of which so many will be read. */
  start(rows: number): void;
  /** Appends rows of a kind of source. */
  add(block: DayBlock, kind: SourceKind): Promise<void>;
  /** Appends the rows that an old row group has of a kind, encoded anew. */
  keep(old: OldGroup, kind: SourceKind): void;
  /** Appends an old row group of a kind as it is. */
  copy(old: OldGroup, kind: SourceKind): void;
  /** How many rows of an old row group newer ones replace. */
  countSuperseded(old: OldGroup): Promise<number>;
  /** Ends the row group under way. */
  cut(): void;
  /** Ends the last row group, and the file with it. */
  finish(): Promise<StagedDay>;
  /** Ends it unfinished. */
  close(): Promise<void>;
}

/** The file of a planned day, without a row yet. */
export function createDayStager(
  { day }: DayPlan,
  { directory, pool, dataset, metadata }: DayStagerOptions,
): DayStager {
  const file: DayFile = createDayFile(unfinishedPath(join(directory, dayPath(day, dataset.name))), {
    metadata,
    day: dataset.day,
  });
  const inFile: Record<SourceKind, number> = { postgres: 0, sqlite: 0 };
  const read: Record<SourceKind, number> = { postgres: 0, sqlite: 0 };
  const hashes = new Map<SourceKind, Hash>();
  const badRows: BadRow[] = [];
  let written: Promise<unknown> = Promise.resolve();
  let thread: ChunkThread | undefined;
  let [rows, sizeBytes] = [0, 0];
  let aim = AIM_ROWS;
  /** What is appended to the file, one after another. */
  const append = (work: Promise<unknown>) => {
    written = Promise.all([written, work]);
    // A failure is told by `finish`; until then nobody waits for it.
    written.catch(() => {});
  };
  const addChunk = async (chunk: SentChunk | undefined, before: Promise<unknown>) => {
    await before;
    if (chunk === undefined) return;
    await file.addChunk(chunk);
    for (const kind of SOURCE_KINDS) inFile[kind] += chunk.rows[kind] ?? 0;
  };
  const cut = () => {
    if (thread === undefined) return;
    const [before, made] = [written, thread.finish()];
    append(made.then(async ({ chunk, badRows: leftOut }) => {
      badRows.push(...leftOut);
      await addChunk(chunk, before);
    }));
    thread = undefined;
    [rows, sizeBytes] = [0, 0];
  };
  const open = (moreRows: number, moreBytes: number) => {
    if (rows + moreRows > MAX_GROUP_ROWS || sizeBytes + moreBytes > MAX_GROUP_BYTES) cut();
    [rows, sizeBytes] = [rows + moreRows, sizeBytes + moreBytes];
    return thread ??= pool.next();
  };
  return {
    start(total) {
      // Row groups of one size need the least memory; few new rows join those that are kept.
      aim = total > AIM_ROWS ? Math.ceil(total / Math.ceil(total / AIM_ROWS)) : AIM_ROWS;
    },
    add(block, kind) {
      if (!hashes.has(kind)) hashes.set(kind, createHash("sha256"));
      hashes.get(kind)!.update(block.tuples);
      read[kind] += block.rows;
      if (rows >= aim) cut();
      return open(block.rows, block.tuples.length).addTuples(block.tuples);
    },
    keep(old, kind) {
      open(old.group.rows, old.group.end - old.group.start).addKept(toStoredGroup(old), kind);
    },
    copy(old, kind) {
      cut();
      const before = written;
      append(before.then(() => file.copyGroup(old)));
      inFile[kind] += old.group.rows;
    },
    countSuperseded: (old) => pool.next().countSuperseded(toStoredGroup(old)),
    cut,
    async finish() {
      cut();
      await written;
      const digests = Object.fromEntries([...hashes].map(([kind, hash]) => [kind, hash.digest("hex")]));
      return { day, file: await file.finish(), rows: inFile, read, badRows, digests };
    },
    close: () => file.close(),
  };
}
