import type { QueryProgress, QueryReply, QueryRequest } from "./query_messages.ts";

/** A worker thread with an engine for queries, which ends with it. */
export interface QueryThread extends Disposable {
  /** The answer to a request; one is asked at a time, and `progress` hears of it meanwhile.
   *
   * Errors: the signal's reason as soon as it is aborted, even while the engine is at work; Error when the thread dies.
   */
  ask(request: QueryRequest, progress?: (told: QueryProgress) => void): Promise<QueryReply>;
}

/** Starts a thread. */
export function startQueryThread(signal: AbortSignal): QueryThread {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./query_worker.ts", import.meta.url), { type: "module" });
  const ended = Promise.withResolvers<never>();
  // While nobody asks, nobody hears of the end.
  ended.promise.catch(() => {});
  const onAbort = () => ended.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  worker.onerror = (event) => {
    event.preventDefault();
    ended.reject(new Error(`The query thread died: ${event.message}`));
  };
  return {
    ask(request, progress = () => {}) {
      const answer = Promise.withResolvers<QueryReply>();
      worker.onmessage = ({ data }: MessageEvent<QueryReply | QueryProgress>) =>
        data.kind === "progress" ? progress(data) : answer.resolve(data);
      worker.postMessage(request);
      return Promise.race([ended.promise, answer.promise]);
    },
    [Symbol.dispose]() {
      signal.removeEventListener("abort", onAbort);
      worker.terminate();
    },
  };
}
