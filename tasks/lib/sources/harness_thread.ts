import type { Day } from "../dataset/day.ts";
import { orAbort } from "../task/abort.ts";
import { TaskError } from "../task/errors.ts";
import type { CopyRequest, HarnessReply, HarnessRequest } from "./harness_messages.ts";

/** What a copy is asked for beside its rows. */
export interface ThreadOptions {
  /** Tells the days whose rows are wanted, given the keys of all; they all are where undefined. */
  readonly pick?: (keys: ReadonlyMap<Day, string>) => ReadonlySet<Day>;
  readonly signal: AbortSignal;
}

/** Copies what is needed of a harness database on a thread of its own, which ends with the copy; tells the keys by day.
 *
 * Errors: TaskError for what cannot be read; the signal's reason.
 */
export async function copyOnThread(
  request: CopyRequest,
  { pick, signal }: ThreadOptions,
): Promise<ReadonlyMap<Day, string>> {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./harness_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<Day, string>>();
  const tell = (message: HarnessRequest) => worker.postMessage(message);
  worker.onmessage = ({ data }: MessageEvent<HarnessReply>) => {
    if (data.kind === "failed") reject(new TaskError(data.message));
    else if (data.kind === "copied") resolve(data.keys);
    else answer(data.keys);
  };
  const answer = (keys: ReadonlyMap<Day, string>) => {
    try {
      tell({ kind: "days", days: pick!(keys) });
    } catch (error) {
      reject(error);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`The copying thread died: ${event.message}`));
  };
  try {
    tell({ kind: "copy", request, asksDays: pick !== undefined });
    return await orAbort(promise, signal);
  } finally {
    worker.terminate();
  }
}
