import { join } from "node:path";
import type { Day } from "./day.ts";
import type { DayPlan } from "./export_plan.ts";
import { createUnfinished, partFile, partPath, unfinishedPath } from "./lake.ts";
import type { ManifestPart } from "./manifest.ts";
import type { StagedPart } from "./part_messages.ts";
import type { PartPool, PartThread } from "./part_pool.ts";
import type { BadRow } from "./part_writer.ts";
import type { DayBlock, Source } from "./source.ts";

/** Rows of one part at most: one row group holds them well, and a thread's memory holds one part. */
export const MAX_PART_ROWS = 32_768;

/** Rows that a day's parts aim at, at most: what a block has too many still fits. */
const AIM_ROWS = MAX_PART_ROWS - 2_048;

/** Bytes of tuples in one part at most, so that long texts do not make a part that memory cannot hold.
 *
 * An existing part counts with the size of its file, which is smaller than its tuples.
 */
export const MAX_PART_BYTES = 64 * 1024 * 1024;

/** A day whose parts are on the disk under temporary names. */
export interface StagedDay {
  /** The day. */
  readonly day: Day;
  /** Its parts, in order; none where no row is left. */
  readonly parts: readonly StagedPart[];
  /** Rows that were left out. */
  readonly badRows: readonly BadRow[];
}

/** Options of `stageDays`. */
export interface StageOptions {
  /** Directory of the lane. */
  readonly directory: string;
  /** Threads that make the parts. */
  readonly pool: PartPool;
  /** Kinds of source whose rows are left out of kept parts. */
  readonly without: readonly string[];
  /** Ends the work early. */
  readonly signal: AbortSignal;
  /** Called with the number of rows read, as they are read. */
  readonly onRows: (rows: number) => void;
}

/** Reads the planned days from all sources and writes their parts; days and threads overlap. */
export async function stageDays(
  plans: readonly DayPlan[],
  sources: readonly Source[],
  options: StageOptions,
): Promise<StagedDay[]> {
  const readers = sources.map((source) => {
    const days = plans.map(({ day }) => day).filter((day) => source.days.has(day));
    return openReader(source.blocks(days));
  });
  try {
    const staged: Promise<StagedDay>[] = [];
    for (const plan of plans) {
      const { day, kept } = plan;
      const stager = createDayStager(plan, options);
      for (const reader of readers) await readDay(day, reader, stager, options);
      for (const part of kept) stager.keep(part);
      staged.push(stager.finish());
      // A failure is told by the last line; until then nobody waits for it.
      staged.at(-1)!.catch(() => {});
    }
    return await orAbort(Promise.all(staged), options.signal);
  } finally {
    await Promise.allSettled(readers.map((reader) => reader.close()));
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

async function readDay(day: Day, reader: Reader, stager: DayStager, { signal, onRows }: StageOptions): Promise<void> {
  for (let block = await reader.take(day); block !== undefined; block = await reader.take(day)) {
    const { rows } = block;
    await orAbort(stager.add(block), signal);
    onRows(rows);
  }
}

/** The parts of one day as they are made: each goes to the thread that has least to do. */
interface DayStager {
  add(block: DayBlock): Promise<void>;
  keep(part: ManifestPart): void;
  finish(): Promise<StagedDay>;
}

function createDayStager({ day, rows: total }: DayPlan, { directory, pool, without }: StageOptions): DayStager {
  // Parts of one size need the least memory.
  const aim = Math.ceil(total / Math.max(1, Math.ceil(total / AIM_ROWS)));
  const finished: ReturnType<PartThread["finish"]>[] = [];
  let thread: PartThread | undefined;
  let [rows, sizeBytes] = [0, 0];
  const cut = () => {
    if (thread === undefined) return;
    const path = unfinishedPath(join(directory, partPath(day, partFile(finished.length + 1))));
    createUnfinished(path);
    const part = thread.finish(path);
    // A failure is told by `finish`; until then nobody waits for it.
    part.catch(() => {});
    finished.push(part);
    thread = undefined;
    [rows, sizeBytes] = [0, 0];
  };
  const open = (moreRows: number, moreBytes: number) => {
    if (rows + moreRows > MAX_PART_ROWS || sizeBytes + moreBytes > MAX_PART_BYTES) cut();
    [rows, sizeBytes] = [rows + moreRows, sizeBytes + moreBytes];
    return thread ??= pool.next();
  };
  return {
    add(block) {
      if (rows >= aim) cut();
      return open(block.rows, block.tuples.length).addTuples(block.tuples);
    },
    keep(part) {
      const staying = Object.entries(part.rows).filter(([kind]) => !without.includes(kind));
      const partRows = staying.reduce((sum, [, count]) => sum + count, 0);
      open(partRows, part.sizeBytes).addKept(join(directory, partPath(day, part.file)), part.sha256, without);
    },
    async finish() {
      cut();
      const parts = await Promise.all(finished);
      return { day, parts: parts.flatMap(({ part }) => part ?? []), badRows: parts.flatMap(({ badRows }) => badRows) };
    },
  };
}

/** Settles with the work, or rejects as soon as the signal says so. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
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
