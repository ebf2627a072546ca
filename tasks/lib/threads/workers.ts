import { compileDuckDb } from "../parquet/duckdb_code.ts";
import type { WriterKind } from "../task/writers.ts";
import type { Hint, ThreadRequest } from "./messages.ts";

/** What a pool needs of a worker. */
export type ThreadWorker = Pick<Worker, "onmessage" | "onerror" | "terminate"> & {
  postMessage(request: ThreadRequest | Hint, transfer: Transferable[]): void;
};

/** Workers that serve `ThreadRequest`s, and go from one pool to the next: to start one with its engine takes as long as to
 * write some 50,000 rows. */
export interface Workers extends Disposable {
  /** DuckDB's code, compiled once for all. */
  code(): Promise<WebAssembly.Module>;
  /** Starts some that are going to write, for whoever takes one first. */
  startAhead(count: number, kind: WriterKind): void;
  /** One that is at nothing. */
  take(): ThreadWorker;
  /** Takes one back that is at nothing. */
  giveBack(worker: ThreadWorker): void;
}

/** No worker yet. */
export function openWorkers(start: () => ThreadWorker = startThread): Workers {
  const idle: ThreadWorker[] = [];
  let code: Promise<WebAssembly.Module> | undefined;
  const compile = () => code ??= compileDuckDb();
  const prepare = async (worker: ThreadWorker, kind: WriterKind) =>
    worker.postMessage({ kind: "ahead", code: kind === "direct" ? undefined : await compile() }, []);
  return {
    code: compile,
    startAhead(count, kind) {
      for (let n = 0; n < count; n++) {
        const worker = start();
        idle.push(worker);
        // Whoever needs the engine is told.
        prepare(worker, kind).catch(() => {});
      }
    },
    take: () => idle.pop() ?? start(),
    giveBack: (worker) => void idle.push(worker),
    [Symbol.dispose]() {
      for (const worker of idle) worker.terminate();
    },
  };
}

function startThread(): ThreadWorker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}
