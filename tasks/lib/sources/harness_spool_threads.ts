import { type Day, dayOf, startOf } from "../dataset/day.ts";
import { orAbort } from "../task/abort.ts";
import { TaskError } from "../task/errors.ts";
import { createPause } from "../task/pause.ts";
import type { HarnessDatabase } from "./harness_file.ts";
import type { SpoolReply } from "./harness_messages.ts";
import { type Spooled, type SpooledDay, type SpoolRequest, spoolRows } from "./harness_spool.ts";

/** Threads that convert the rows of one file. */
const MAX_THREADS = 4;

/** Slices that are worth a thread; fewer than that are converted before it has started. */
const THREAD_SLICES = 100;

/** What is converted of a harness database, wherever that happens. */
export type RowsRequest = Omit<SpoolRequest, "path" | "scratch" | "spool">;

/** Converts rows of a harness database to tuples beside its copy: few of them here, many on threads, each of which has
 * whole days. What comes out is the same.
 *
 * Errors: as `spoolRows`; the signal's reason.
 */
export async function spoolOnThreads(
  harness: HarnessDatabase,
  request: RowsRequest,
  { signal, threadSlices = THREAD_SLICES }: { readonly signal: AbortSignal; readonly threadSlices?: number },
): Promise<Spooled> {
  const parts = toParts(harness, request, threadSlices).map((part) => ({
    ...part,
    path: harness.path,
    scratch: harness.scratch,
    spool: harness.createSpool(),
  }));
  if (harness.slices(request.since, request.until).length < threadSlices) {
    return await spoolRows(parts[0], createPause(signal));
  }
  signal.throwIfAborted();
  const workers = parts.map(() =>
    new Worker(new URL("./harness_spool_worker.ts", import.meta.url), { type: "module" })
  );
  try {
    return joinParts(await orAbort(Promise.all(parts.map((part, index) => ask(workers[index], part))), signal));
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** Cuts a range between days into parts of about as many rows. */
function toParts(harness: HarnessDatabase, request: RowsRequest, threadSlices: number): RowsRequest[] {
  const slices = harness.slices(request.since, request.until);
  const count = Math.max(1, Math.min(MAX_THREADS, navigator.hardwareConcurrency, slices.length / threadSlices | 0));
  const cuts = new Set([request.since]);
  for (let part = 1; part < count; part++) {
    const slice = slices[Math.round(part * slices.length / count)];
    const start = slice === "odd" ? request.since : startOfDay(slice.since);
    if (start > request.since) cuts.add(start);
  }
  const starts = [...cuts];
  return starts.map((since, index) => ({
    ...request,
    since,
    until: starts[index + 1] ?? request.until,
    withOdd: request.withOdd && index === 0,
  }));
}

const startOfDay = (seconds: bigint) => startOf(dayOf(seconds * 1_000_000n)) / 1_000_000n;

function ask(worker: Worker, request: SpoolRequest): Promise<Spooled> {
  const { promise, resolve, reject } = Promise.withResolvers<Spooled>();
  worker.onmessage = ({ data }: MessageEvent<SpoolReply>) => {
    if (data.kind === "failed") reject(new TaskError(data.message));
    else resolve(data.spooled);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`The converting thread died: ${event.message}`));
  };
  worker.postMessage(request);
  return promise;
}

function joinParts(parts: readonly Spooled[]): Spooled {
  return {
    days: new Map(parts.flatMap(({ days }): [Day, SpooledDay][] => [...days])),
    supersedes: parts.flatMap(({ supersedes }) => supersedes),
    badRows: parts.flatMap(({ badRows }) => badRows),
    lostSeeds: parts.reduce((sum, { lostSeeds }) => sum + lostSeeds, 0),
  };
}
