import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
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
  readonly day: Day;
  /** Its file; none where no row is left. */
  readonly file?: JoinedFile;
  /** Rows in it, by kind of source. */
  readonly rows: Readonly<Record<SourceKind, number>>;
  /** Rows that were read for it, by kind of source. */
  readonly read: Readonly<Record<SourceKind, number>>;
  readonly badRows: readonly BadRow[];
  /** SHA-256 of the tuples as they were read, by kind of source, of the kinds that were read anew. */
  readonly digests: Readonly<Partial<Record<SourceKind, string>>>;
}

/** What the file of a day is made with. */
export interface DayStagerOptions {
  readonly directory: string;
  /** Threads that make the chunks. */
  readonly pool: ChunkPool;
  readonly dataset: Pick<Dataset, "name" | "day">;
  /** Key-value metadata of every file. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The file of one day as it is made: each chunk goes to the thread that has least to do. */
export class DayStager {
  #day: Day;
  #pool: ChunkPool;
  #file: DayFile;
  #inFile: Record<SourceKind, number> = { postgres: 0, sqlite: 0 };
  #read: Record<SourceKind, number> = { postgres: 0, sqlite: 0 };
  #hashes = new Map<SourceKind, Hash>();
  #badRows: BadRow[] = [];
  /** What is appended to the file, one after another. */
  #written: Promise<unknown> = Promise.resolve();
  /** The row group under way, and the rows that it aims at. */
  #group: { readonly thread: ChunkThread; rows: number; sizeBytes: number } | undefined;
  #aim = AIM_ROWS;

  constructor({ day }: DayPlan, { directory, pool, dataset, metadata }: DayStagerOptions) {
    const path = unfinishedPath(join(directory, dayPath(day, dataset.name)));
    this.#day = day;
    this.#pool = pool;
    this.#file = createDayFile(path, { metadata, day: dataset.day });
  }

  /** Begins the rows of a kind of source, of which so many will be read. */
  start(rows: number): void {
    // Row groups of one size need the least memory; few new rows join those that are kept.
    this.#aim = rows > AIM_ROWS ? Math.ceil(rows / Math.ceil(rows / AIM_ROWS)) : AIM_ROWS;
  }

  add({ tuples, rows }: DayBlock, kind: SourceKind): Promise<void> {
    this.#hashes.getOrInsertComputed(kind, () => createHash("sha256")).update(tuples);
    this.#read[kind] += rows;
    if (this.#group !== undefined && this.#group.rows >= this.#aim) this.cut();
    return this.#open(rows, tuples.length).addTuples(tuples);
  }

  /** Appends the rows that an old row group has of a kind, encoded anew. */
  keep(old: OldGroup, kind: SourceKind): void {
    this.#open(old.group.rows, old.group.end - old.group.start).addKept(toStoredGroup(old), kind);
  }

  /** Appends an old row group of a kind as it is. */
  copy(old: OldGroup, kind: SourceKind): void {
    this.cut();
    const before = this.#written;
    this.#append(before.then(() => this.#file.copyGroup(old)));
    this.#inFile[kind] += old.group.rows;
  }

  /** How many rows of an old row group newer ones replace. */
  countSuperseded(old: OldGroup): Promise<number> {
    return this.#pool.next().countSuperseded(toStoredGroup(old));
  }

  /** Ends the row group under way. */
  cut(): void {
    if (this.#group !== undefined) this.#append(this.#addChunk(this.#group.thread.finish(), this.#written));
    this.#group = undefined;
  }

  /** Ends the last row group, and the file with it. */
  async finish(): Promise<StagedDay> {
    this.cut();
    await this.#written;
    const digests = Object.fromEntries([...this.#hashes].map(([kind, hash]) => [kind, hash.digest("hex")]));
    const file = await this.#file.finish();
    return { day: this.#day, file, rows: this.#inFile, read: this.#read, badRows: this.#badRows, digests };
  }

  /** Ends it unfinished. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  /** The thread of a row group that has room for so much more. */
  #open(rows: number, sizeBytes: number): ChunkThread {
    const { rows: before = 0, sizeBytes: bytesBefore = 0 } = this.#group ?? {};
    if (before + rows > MAX_GROUP_ROWS || bytesBefore + sizeBytes > MAX_GROUP_BYTES) this.cut();
    this.#group ??= { thread: this.#pool.next(), rows: 0, sizeBytes: 0 };
    this.#group.rows += rows;
    this.#group.sizeBytes += sizeBytes;
    return this.#group.thread;
  }

  async #addChunk(made: ReturnType<ChunkThread["finish"]>, before: Promise<unknown>): Promise<void> {
    const { chunk, badRows } = await made;
    this.#badRows.push(...badRows);
    await before;
    if (chunk === undefined) return;
    await this.#file.addChunk(chunk);
    for (const kind of SOURCE_KINDS) this.#inFile[kind] += chunk.rows[kind] ?? 0;
  }

  #append(work: Promise<unknown>): void {
    this.#written = Promise.all([this.#written, work]);
    // A failure is told by `finish`; until then nobody waits for it.
    this.#written.catch(() => {});
  }
}
