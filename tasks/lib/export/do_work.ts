import type { Day } from "../dataset/day.ts";
import type { Segment, TableSource } from "../dataset/source.ts";
import { orAbort } from "../task/abort.ts";
import type { RunEvent } from "../threads/messages.ts";
import type { Thread } from "../threads/pool.ts";
import { feedSegment } from "./feed.ts";
import type { WorkQueue } from "./work_queue.ts";

/** What threads are to do, and who hears of it. */
export interface Work<T extends { readonly day: Day }> {
  readonly queue: WorkQueue<T>;
  /** The table whose segments are in the queue. */
  readonly table?: TableSource;
  /** Reads what files have of a day. */
  readonly readFiles: (files: T, thread: Thread) => Promise<void>;
  /** Told what comes of each segment, in the order of its rows. */
  readonly onEvent: (segment: Segment, event: RunEvent) => void;
  /** Resolves when there is room for more days. */
  readonly room: () => Promise<void>;
}

/** Who does it. */
export interface WorkContext {
  readonly threads: readonly Thread[];
  /** Told of what makes it slower. */
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/** How long a session that is no longer needed may take to be opened and closed. */
const GRACE_MS = 200;

/** Does all work of a queue on threads that read the table by sessions of their own, which see what the table's does.
 *
 * A thread without a session leaves the table to the others; where none has one, the table's own session reads for all.
 */
export async function doWork<T extends { readonly day: Day }>(work: Work<T>, context: WorkContext): Promise<void> {
  const { threads, note, signal } = context;
  const snapshot = work.queue.hasSegments ? await work.table!.share() : undefined;
  const exhausted = Promise.withResolvers<void>();
  const [joining, serving] = [new Set<Promise<void>>(), new Set<Promise<void>>()];
  const serve = async (thread: Thread, hasJoined: boolean) => {
    await serveThread(thread, { ...work, table: hasJoined ? work.table : undefined });
    if (!hasJoined) return;
    exhausted.resolve();
    await thread.leave();
  };
  const join = async (thread: Thread) => {
    const hasJoined = snapshot !== undefined && work.queue.hasSegments && await thread.join(snapshot);
    const served = serve(thread, hasJoined);
    serving.add(served);
    await served;
  };
  const begin = async (thread: Thread) => {
    await thread.ready();
    const joined = join(thread);
    joining.add(joined);
    await joined;
  };
  const all = Promise.all(threads.map(begin));
  // Nobody waits for a session that would have nothing to do any more.
  const enough = exhausted.promise.then(() => Promise.all(serving));
  await orAbort(Promise.race([all, enough]), signal);
  if (!work.queue.hasSegments) {
    // One that is being opened would be cut in the middle, of which the server's log tells.
    return await orAbort(Promise.all(joining), AbortSignal.timeout(GRACE_MS)).then(() => {}, () => {});
  }
  if (snapshot !== undefined) {
    note("No thread got a session of its own in time: all rows come over one");
    work.table!.keepToItself();
  }
  await feedThreads(work, context);
}

/** Lets a thread do what it can until there is no more. */
async function serveThread<T extends { readonly day: Day }>(thread: Thread, work: Work<T>): Promise<void> {
  const { queue, table, room, readFiles, onEvent } = work;
  for (;;) {
    await room();
    const files = queue.takeFiles();
    if (files !== undefined) {
      await readFiles(files, thread);
      continue;
    }
    const segments = table === undefined ? [] : queue.takeRun();
    if (segments.length === 0) return;
    let at = 0;
    await thread.readTable({ sql: table!.copySql(segments), segments }, (event) => {
      onEvent(segments[at], event);
      if (event.kind === "segment") at++;
    });
  }
}

/** Reads segments over the table's own session, and gives them to the threads by turns. */
async function feedThreads<T extends { readonly day: Day }>(
  { queue, table, room, readFiles, onEvent }: Work<T>,
  { threads, signal }: WorkContext,
): Promise<void> {
  const ends: Promise<void>[] = threads.map(() => Promise.resolve());
  for (let turn = 0;; turn = (turn + 1) % threads.length) {
    await orAbort(Promise.all([room(), ends[turn]]), signal);
    const files = queue.takeFiles();
    const [segment] = files === undefined ? queue.takeSegment() : [];
    if (files !== undefined) ends[turn] = readFiles(files, threads[turn]);
    else if (segment === undefined) break;
    else {
      const tell = (event: RunEvent) => onEvent(segment, event);
      await orAbort(feedSegment({ segment, table: table!, thread: threads[turn] }, tell), signal);
      ends[turn] = threads[turn].end(tell);
    }
    ends[turn].catch(() => {});
  }
  await orAbort(Promise.all(ends), signal);
}
