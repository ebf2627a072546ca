import type { Segment, SharedSnapshot } from "../dataset/source.ts";
import type { StoredGroup } from "../parquet/sent_chunk.ts";
import { EXIT, type ExitCode, TaskError } from "../task/errors.ts";
import type { FileRun, RunEvent, TableRun, ThreadOptions, ThreadReply, ThreadRequest } from "./messages.ts";
import type { ThreadWorker, Workers } from "./workers.ts";

/** A worker thread that reads rows and makes row groups of them, one request after another. */
export interface Thread {
  /** Resolves when it has started. */
  ready(): Promise<void>;
  /** Opens a session that sees a snapshot; false where there is none to be had. */
  join(snapshot: SharedSnapshot): Promise<boolean>;
  /** Keys of an existing row group's SQLite rows. */
  keysOf(group: StoredGroup): Promise<readonly string[]>;
  /** Reads a table by its own session. */
  readTable(run: TableRun, onEvent: (event: RunEvent) => void): Promise<void>;
  /** Reads what files have of a day. */
  readFiles(run: FileRun, onEvent: (event: RunEvent) => void): Promise<void>;
  /** Expects the rows of some segments. */
  expect(segments: readonly Segment[]): void;
  /** Gives messages of their COPY, whose memory moves to the thread; resolves when they are taken. */
  give(framed: Uint8Array<ArrayBuffer>, onEvent: (event: RunEvent) => void): Promise<void>;
  /** Ends them. */
  end(onEvent: (event: RunEvent) => void): Promise<void>;
  /** Ends its session. */
  leave(): Promise<void>;
}

/** Threads that start when they are first asked for; those that have nothing to do at the pool's end are for the next one. */
export interface ThreadPool extends Disposable {
  /** So many threads, or as many as there may be. */
  take(count: number): readonly Thread[];
  /** Keys of SQLite rows that newer rows replace, on every thread; see `FileSource.supersedes`. */
  supersede(keys: readonly string[]): void;
}

/** Options of `openThreadPool`. */
export interface ThreadPoolOptions extends ThreadOptions {
  /** How many threads at most. */
  readonly threads: number;
  /** Where its workers come from. */
  readonly workers: Workers;
}

/** How many threads an export has: one a core, but not more memory than four take. */
export function defaultThreads(): number {
  return Math.min(4, navigator.hardwareConcurrency);
}

/** A pool without a thread yet. */
export function openThreadPool(
  { threads: most, workers, ...options }: ThreadPoolOptions,
): ThreadPool {
  const threads: WorkerThread[] = [];
  let superseded: readonly string[] = [];
  const start = () => {
    const thread = new WorkerThread(workers.take(), options);
    if (superseded.length > 0) thread.supersede(superseded);
    threads.push(thread);
  };
  return {
    take(count) {
      while (threads.length < Math.min(count, most)) start();
      return threads.slice(0, count);
    },
    supersede(keys) {
      superseded = keys;
      for (const thread of threads) thread.supersede(keys);
    },
    [Symbol.dispose]() {
      for (const { worker, isIdle } of threads) isIdle ? workers.giveBack(worker) : worker.terminate();
    },
  };
}

type Done = Extract<ThreadReply, { kind: "done" }>;

/** A request that is not answered yet. */
interface Waiting {
  readonly resolve: (reply: Done) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent?: (event: RunEvent) => void;
}

class WorkerThread implements Thread {
  readonly worker: ThreadWorker;
  #failure: Error | undefined;
  #waiting: Waiting[] = [];
  #started: Promise<unknown>;

  constructor(worker: ThreadWorker, options: ThreadOptions) {
    this.worker = worker;
    worker.onmessage = ({ data }: MessageEvent<ThreadReply>) => this.#settle(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`The Parquet thread died: ${event.message}`));
    };
    this.#started = this.#ask({ kind: "open", options });
  }

  /** Whether it has done everything that it was asked to. */
  get isIdle(): boolean {
    return this.#failure === undefined && this.#waiting.length === 0;
  }

  async ready(): Promise<void> {
    await this.#started;
  }

  async join(snapshot: SharedSnapshot): Promise<boolean> {
    return (await this.#ask({ kind: "join", snapshot })).joined!;
  }

  supersede(keys: readonly string[]): void {
    this.#ask({ kind: "supersede", keys });
  }

  async keysOf(group: StoredGroup): Promise<readonly string[]> {
    return (await this.#ask({ kind: "keys", group })).keys!;
  }

  async readTable(run: TableRun, onEvent: (event: RunEvent) => void): Promise<void> {
    await this.#ask({ kind: "table", run }, { onEvent });
  }

  async readFiles(run: FileRun, onEvent: (event: RunEvent) => void): Promise<void> {
    await this.#ask({ kind: "files", run }, { onEvent });
  }

  expect(segments: readonly Segment[]): void {
    this.#ask({ kind: "expect", segments });
  }

  async give(framed: Uint8Array<ArrayBuffer>, onEvent: (event: RunEvent) => void): Promise<void> {
    await this.#ask({ kind: "rows", framed }, { onEvent, transfer: [framed.buffer] });
  }

  async end(onEvent: (event: RunEvent) => void): Promise<void> {
    await this.#ask({ kind: "end" }, { onEvent });
  }

  async leave(): Promise<void> {
    await this.#ask({ kind: "leave" });
  }

  #ask(
    request: ThreadRequest,
    { onEvent, transfer = [] }: Pick<Waiting, "onEvent"> & { readonly transfer?: Transferable[] } = {},
  ): Promise<Done> {
    const { promise, resolve, reject } = Promise.withResolvers<Done>();
    // A failure is told by the requests that somebody waits for.
    promise.catch(() => {});
    if (this.#failure) reject(this.#failure);
    else {
      this.#waiting.push({ resolve, reject, onEvent });
      this.worker.postMessage(request, transfer);
    }
    return promise;
  }

  #settle(reply: ThreadReply): void {
    if (this.#failure) return;
    if (reply.kind === "failed") {
      this.#fail(new TaskError(reply.message, (reply.exitCode ?? EXIT.failed) as ExitCode));
    } else if (reply.kind === "done") this.#waiting.shift()!.resolve(reply);
    else this.#waiting[0].onEvent?.(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
