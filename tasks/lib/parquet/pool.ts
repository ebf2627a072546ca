import type { BlockPool } from "../copy/block_pool.ts";
import type { ChunkDone, ChunkReply, ChunkRequest, SentChunk, StoredGroup } from "./messages.ts";
import type { ChunkWriterOptions } from "./writer.ts";
import { TaskError } from "../task/errors.ts";
import type { BadRow } from "../dataset/source.ts";

/** Worker threads that make chunks. */
export interface ChunkPool extends Disposable {
  /** The thread with the least to do; a new one while there are fewer than `threads` and all are busy. */
  next(): ChunkThread;
  /** Keys of SQLite rows that newer rows replace, on every thread; see `Source.supersedes`. */
  supersede(keys: readonly string[]): void;
}

/** One worker thread; chunks are made on it one after another. */
export interface ChunkThread {
  /** Appends tuples, whose memory moves to the thread; resolves when the thread can take more. */
  addTuples(block: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Appends the rows that an existing row group has of one source. */
  addKept(group: StoredGroup, source: string): void;
  /** How many rows of an existing row group newer ones replace. */
  countSuperseded(group: StoredGroup): Promise<number>;
  /** Keys of an existing row group's SQLite rows. */
  keysOf(group: StoredGroup): Promise<readonly string[]>;
  /** Finishes the chunk; undefined where it has no rows. */
  finish(): Promise<{ readonly chunk?: SentChunk; readonly badRows: readonly BadRow[] }>;
}

/** Options of `openChunkPool`. */
export interface ChunkPoolOptions {
  /** DuckDB's code. */
  readonly code: WebAssembly.Module;
  /** Options of every writer. */
  readonly writer: Omit<ChunkWriterOptions, "onBadRow">;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
  /** Where blocks go when their tuples are taken. */
  readonly blocks: BlockPool;
  /** How many threads at most. */
  readonly threads: number;
  /** Starts a thread that serves `ChunkRequest`s. */
  readonly startWorker?: () => ChunkWorker;
}

/** What a pool needs of a worker. */
export type ChunkWorker = Pick<Worker, "onmessage" | "onerror" | "postMessage" | "terminate">;

/** Bytes under way to one thread before its sender waits. */
const MAX_PENDING_BYTES = 3 * 1024 * 1024;

/** A pool; its threads start when they are needed, and end with it. */
export function openChunkPool(options: ChunkPoolOptions): ChunkPool {
  const threads: Thread[] = [];
  let superseded: readonly string[] = [];
  const start = () => {
    const thread = new Thread(options);
    if (superseded.length > 0) thread.supersede(superseded);
    threads.push(thread);
  };
  return {
    next() {
      const idle = threads.find((thread) => thread.pending === 0);
      if (idle === undefined && threads.length < options.threads) start();
      return idle ?? threads.reduce((best, thread) => thread.pending <= best.pending ? thread : best);
    },
    supersede(keys) {
      superseded = keys;
      for (const thread of threads) thread.supersede(keys);
    },
    [Symbol.dispose]() {
      for (const thread of threads) thread.worker.terminate();
    },
  };
}

function startChunkWorker(): ChunkWorker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}

class Thread implements ChunkThread {
  readonly worker: ChunkWorker;
  /** Messages that are not answered yet. */
  pending = 0;
  #blocks: BlockPool;
  #pendingBytes = 0;
  #failure: Error | undefined;
  #waiting: { resolve: (reply: ChunkDone) => void; reject: (error: Error) => void }[] = [];
  #drained: (() => void)[] = [];

  constructor({ code, writer, skipBadRows, blocks, startWorker = startChunkWorker }: ChunkPoolOptions) {
    this.worker = startWorker();
    this.#blocks = blocks;
    this.worker.onmessage = ({ data }: MessageEvent<ChunkReply>) => this.#settle(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`The Parquet thread died: ${event.message}`));
    };
    this.#send({ kind: "open", code, options: writer, skipBadRows });
  }

  supersede(keys: readonly string[]): void {
    this.#send({ kind: "supersede", keys });
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

  addKept(group: StoredGroup, source: string): void {
    this.#send({ kind: "kept", group, source });
  }

  async countSuperseded(group: StoredGroup): Promise<number> {
    return (await this.#send({ kind: "superseded", group })).count!;
  }

  async keysOf(group: StoredGroup): Promise<readonly string[]> {
    return (await this.#send({ kind: "keys", group })).keys!;
  }

  async finish(): Promise<{ readonly chunk?: SentChunk; readonly badRows: readonly BadRow[] }> {
    const { chunk, badRows = [] } = await this.#send({ kind: "finish" });
    return { chunk, badRows };
  }

  #send(request: ChunkRequest, transfer: Transferable[] = []): Promise<ChunkDone> {
    const reply = this.#failure ? Promise.reject(this.#failure) : this.#post(request, transfer);
    // A failure is told by `addTuples` and `finish`; the other messages' own promises have no reader.
    reply.catch(() => {});
    return reply;
  }

  #post(request: ChunkRequest, transfer: Transferable[]): Promise<ChunkDone> {
    this.pending++;
    this.worker.postMessage(request, transfer);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #settle(reply: ChunkReply): void {
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
