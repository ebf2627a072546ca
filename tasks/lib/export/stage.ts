import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import type { SentChunk } from "../parquet/messages.ts";
import type { ChunkPool, ChunkThread } from "../parquet/pool.ts";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { createDayFile, type DayFile, type JoinedFile, type OldGroup, toStoredGroup } from "../lake/day_file.ts";
import type { DayPlan } from "./plan.ts";
import { type KeptGroup, readKeptGroups } from "./kept_groups.ts";
import { dayPath } from "../lake/lake.ts";
import { unfinishedPath } from "../task/files.ts";
import { type BadRow, type DayBlock, type Source, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";

/** Rows of one row group at most: a thread's memory holds one. */
export const MAX_GROUP_ROWS = 32_768;

/** Rows that a day's row groups aim at, at most: what a block has too many still fits. */
const AIM_ROWS = MAX_GROUP_ROWS - 2_048;

/** Bytes of tuples in one row group at most, so that long texts do not make one that memory cannot hold.
 *
 * An existing row group counts with its size in its file, which is smaller than its tuples.
 */
export const MAX_GROUP_BYTES = 64 * 1024 * 1024;

/** Days whose files may be open at once. */
const MAX_OPEN_DAYS = 16;

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

/** Options of `stageDays`. */
export interface StageOptions {
  /** Directory of the lane. */
  readonly directory: string;
  /** Threads that make the chunks. */
  readonly pool: ChunkPool;
  /** What the lane holds. */
  readonly dataset: Pick<Dataset, "name" | "day">;
  /** Key-value metadata of every file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Whether rows of SQLite whose keys the lane has already are left out. */
  readonly missingOnly: boolean;
  /** Ends the work early. */
  readonly signal: AbortSignal;
  /** Called with the number of rows read, as they are read. */
  readonly onRows: (rows: number) => void;
}

/** Reads the planned days from all sources and writes their files; days and threads overlap. */
export async function stageDays(
  plans: readonly DayPlan[],
  sources: readonly Source[],
  options: StageOptions,
): Promise<StagedDay[]> {
  const known = options.missingOnly ? await knownKeys(plans, options) : undefined;
  if (plans.some(({ kept }) => kept.length > 0)) options.pool.supersede(supersededBy(sources, known));
  const readers = sources.map((source) => {
    const days = plans.filter(({ kinds }) => kinds.includes(source.kind)).map(({ day }) => day);
    return { kind: source.kind, ...openReader(source.blocks(days.filter((day) => source.days.has(day)), known)) };
  });
  const stagers = new Set<DayStager>();
  const unfinished = new Set<Promise<unknown>>();
  try {
    const staged: Promise<StagedDay>[] = [];
    for (const plan of plans) {
      while (unfinished.size >= MAX_OPEN_DAYS) await orAbort(Promise.race(unfinished), options.signal);
      const stager = createDayStager(plan, options);
      stagers.add(stager);
      const kept = await readKeptGroups(options.directory, plan);
      const read = (kind: SourceKind) => readKind(plan.day, kind, { readers, stager, ...options });
      for (const kind of SOURCE_KINDS) await stageKind(plan, kind, { stager, kept, read });
      const day = stager.finish();
      staged.push(day);
      unfinished.add(day);
      // A failure is told by the last line; until then nobody waits for it.
      day.catch(() => {}).finally(() => {
        unfinished.delete(day);
        stagers.delete(stager);
      });
    }
    return await orAbort(Promise.all(staged), options.signal);
  } catch (error) {
    await Promise.all([...stagers].map((stager) => stager.close()));
    throw error;
  } finally {
    await Promise.allSettled(readers.map((reader) => reader.close()));
  }
}

/** Keys of the SQLite rows that the planned days' files hold. */
async function knownKeys(
  plans: readonly DayPlan[],
  { directory, pool, signal }: StageOptions,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const plan of plans) {
    for (const { old, kinds } of await readKeptGroups(directory, plan)) {
      if (!kinds.includes("sqlite")) continue;
      for (const key of await orAbort(pool.next().keysOf(toStoredGroup(old)), signal)) keys.add(key);
    }
  }
  return keys;
}

/** Keys of the rows that the sources' rows replace, where those are written at all. */
function supersededBy(sources: readonly Source[], known: ReadonlySet<string> | undefined): string[] {
  return sources.flatMap(({ supersedes }) => supersedes.filter(([own]) => !known?.has(own))).flat();
}

interface KindContext {
  readonly stager: DayStager;
  readonly kept: readonly KeptGroup[];
  readonly read: (kind: SourceKind) => Promise<void>;
}

/** One kind of source of a day: what its file keeps of it, then what is read anew. */
async function stageKind(plan: DayPlan, kind: SourceKind, { stager, kept, read }: KindContext): Promise<void> {
  stager.start(plan.rows[kind]);
  const isRead = plan.kinds.includes(kind);
  const groups = kept.filter(({ kinds }) => kinds.includes(kind));
  if (!isRead) {
    for (const group of groups) {
      if (group.asItIs) stager.copy(group.old, kind);
      else stager.keep(group.old, kind);
    }
  } else {
    // Postgres mirrors: what its file holds of it goes.
    if (kind === "sqlite") await mergeGroups(groups, plan.rows.sqlite, stager);
    await read(kind);
  }
  stager.cut();
}

/** The SQLite row groups of a day that gets new rows: as they are where none is replaced, and the last one together
 * with the new rows. */
async function mergeGroups(groups: readonly KeptGroup[], newRows: number, stager: DayStager): Promise<void> {
  for (const [index, { old, asItIs }] of groups.entries()) {
    const isLast = index === groups.length - 1;
    const joins = isLast && old.group.rows + newRows <= AIM_ROWS;
    const replaced = asItIs ? await stager.countSuperseded(old) : 0;
    if (asItIs && replaced === old.group.rows) continue;
    if (asItIs && replaced === 0 && !joins) stager.copy(old, "sqlite");
    else stager.keep(old, "sqlite");
    if (!joins && asItIs) stager.cut();
  }
}

/** Blocks of one source, with a look at the next one. */
interface Reader {
  /** The next block if it is of this day. */
  take(day: Day): Promise<DayBlock | undefined>;
  close(): Promise<unknown>;
}

function openReader(blocks: AsyncIterable<DayBlock>): Reader {
  const iterator = blocks[Symbol.asyncIterator]();
  let head: Promise<IteratorResult<DayBlock>> | undefined;
  return {
    async take(day) {
      head ??= iterator.next();
      const { done, value } = await head;
      if (done || value.day !== day) return undefined;
      head = undefined;
      return value;
    },
    close: async () => await iterator.return?.(),
  };
}

interface ReadContext extends Pick<StageOptions, "signal" | "onRows"> {
  readonly readers: readonly (Reader & { readonly kind: SourceKind })[];
  readonly stager: DayStager;
}

async function readKind(day: Day, kind: SourceKind, context: ReadContext): Promise<void> {
  const { readers, stager, signal, onRows } = context;
  for (const reader of readers.filter((reader) => reader.kind === kind)) {
    for (let block = await reader.take(day); block !== undefined; block = await reader.take(day)) {
      const { rows } = block;
      await orAbort(stager.add(block, kind), signal);
      onRows(rows);
    }
  }
}

/** The file of one day as it is made: each chunk goes to the thread that has least to do. */
interface DayStager {
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
  finish(): Promise<StagedDay>;
  /** Ends it unfinished. */
  close(): Promise<void>;
}

function createDayStager({ day }: DayPlan, { directory, pool, dataset, metadata }: StageOptions): DayStager {
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

/** Settles with the work, or rejects as soon as the signal says so. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
