import type { BlockPool } from "./block_pool.ts";
import { TaskError } from "./errors.ts";
import type { PartDone, PartReply, PartRequest, StagedPart } from "./part_messages.ts";
import type { BadRow, PartWriterOptions } from "./part_writer.ts";

/** Worker threads that make parts. */
export interface PartPool extends Disposable {
  /** The thread with the least to do; a new one while there are fewer than `threads` and all are busy. */
  next(): PartThread;
}

/** One worker thread; parts are made on it one after another. */
export interface PartThread {
  /** Appends tuples, whose memory moves to the thread; resolves when the thread can take more. */
  addTuples(block: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Appends the rows of an existing part. */
  addKept(path: string, sha256: string, without: readonly string[]): void;
  /** Finishes the part under a temporary path; its `part` is undefined where it has no rows. */
  finish(path: string): Promise<{ readonly part?: StagedPart; readonly badRows: readonly BadRow[] }>;
}

/** Options of `openPartPool`. */
export interface PartPoolOptions {
  /** DuckDB's code. */
  readonly code: WebAssembly.Module;
  /** Options of every writer. */
  readonly writer: Omit<PartWriterOptions, "onBadRow">;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
  /** Keys of SQLite rows that newer rows replace. */
  readonly superseded: readonly string[];
  /** Where blocks go when their tuples are taken. */
  readonly blocks: BlockPool;
  /** How many threads at most. */
  readonly threads: number;
}

/** Bytes under way to one thread before its sender waits. */
const MAX_PENDING_BYTES = 3 * 1024 * 1024;

/** A pool; its threads start when they are needed, and end with it. */
export function openPartPool(options: PartPoolOptions): PartPool {
  const threads: Thread[] = [];
  return {
    next() {
      const idle = threads.find((thread) => thread.pending === 0);
      if (idle === undefined && threads.length < options.threads) threads.push(new Thread(options));
      return idle ?? threads.reduce((best, thread) => thread.pending <= best.pending ? thread : best);
    },
    [Symbol.dispose]() {
      for (const thread of threads) thread.worker.terminate();
    },
  };
}

class Thread implements PartThread {
  readonly worker = new Worker(new URL("./part_worker.ts", import.meta.url), { type: "module" });
  /** Messages that are not answered yet. */
  pending = 0;
  #blocks: BlockPool;
  #pendingBytes = 0;
  #failure: Error | undefined;
  #waiting: { resolve: (reply: PartDone) => void; reject: (error: Error) => void }[] = [];
  #drained: (() => void)[] = [];

  constructor({ code, writer, skipBadRows, superseded, blocks }: PartPoolOptions) {
    this.#blocks = blocks;
    this.worker.onmessage = ({ data }: MessageEvent<PartReply>) => this.#settle(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`The Parquet thread died: ${event.message}`));
    };
    this.#send({ kind: "open", code, options: writer, skipBadRows });
    if (superseded.length > 0) this.#send({ kind: "supersede", keys: superseded });
  }

  async addTuples(block: Uint8Array<ArrayBuffer>): Promise<void> {
    const sizeBytes = block.byteLength;
    this.#pendingBytes += sizeBytes;
    this.#send({ kind: "tuples", block }, [block.buffer]).then(({ block }) => {
      this.#blocks.give(block!);
      this.#pendingBytes -= sizeBytes;
      for (const resolve of this.#drained.splice(0)) resolve();
    }, () => {});
    while (this.#pendingBytes > MAX_PENDING_BYTES && !this.#failure) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
    if (this.#failure) throw this.#failure;
  }

  addKept(path: string, sha256: string, without: readonly string[]): void {
    this.#send({ kind: "kept", path, sha256, without });
  }

  async finish(path: string): Promise<{ readonly part?: StagedPart; readonly badRows: readonly BadRow[] }> {
    const { part, badRows = [] } = await this.#send({ kind: "finish", path });
    return { part, badRows };
  }

  #send(request: PartRequest, transfer: Transferable[] = []): Promise<PartDone> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.pending++;
    this.worker.postMessage(request, transfer);
    const reply = new Promise<PartDone>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    // A failure is told by `addTuples` and `finish`; the other messages' own promises have no reader.
    reply.catch(() => {});
    return reply;
  }

  #settle(reply: PartReply): void {
    if (this.#failure) return;
    if (reply.kind === "failed") return this.#fail(new TaskError(reply.message));
    this.pending--;
    this.#waiting.shift()!.resolve(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
