import type { Day } from "../dataset/day.ts";
import type { Segment, TableSource } from "../dataset/source.ts";
import type { RunEvent, SegmentResult } from "../threads/messages.ts";
import type { ThreadPool } from "../threads/pool.ts";
import { digestOf } from "./day_stager.ts";
import { doWork, type WorkContext } from "./do_work.ts";
import { adjoinIn, WorkQueue } from "./work_queue.ts";

/** Options of `readDigests`. */
export interface RereadOptions extends Omit<WorkContext, "threads"> {
  /** Threads without an engine. */
  readonly pool: ThreadPool;
  /** Called with the number of rows read, as they are read. */
  readonly onRows: (rows: number) => void;
}

/** Digests of some days' tuples, as `StagedDay` has them. */
export async function readDigests(
  table: TableSource,
  days: readonly Day[],
  { pool, onRows, ...context }: RereadOptions,
): Promise<ReadonlyMap<Day, string>> {
  const segments = table.segments(days);
  const results = new Map<Segment, SegmentResult>();
  const onEvent = (segment: Segment, event: RunEvent) => {
    if (event.kind === "read") onRows(event.rows);
    else if (event.kind === "segment") results.set(segment, event.result);
  };
  const threads = pool.take(segments.length);
  const queue = new WorkQueue({ segments, files: [], threads: threads.length, adjoins: adjoinIn(table.days.keys()) });
  const nothing = () => Promise.resolve();
  await doWork({ queue, table, readFiles: nothing, onEvent, room: nothing }, { ...context, threads });
  const byDay = Map.groupBy(segments, ({ day }) => day);
  return new Map([...byDay].map(([day, ours]) => [day, digestOf(ours.map((one) => results.get(one)!))]));
}
