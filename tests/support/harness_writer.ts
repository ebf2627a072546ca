import { DatabaseSync } from "node:sqlite";

/** What a writer has done. */
export interface WriterReport {
  /** How often it wrote. */
  readonly writes: number;
  /** Messages of the writes that failed. */
  readonly failures: string[];
  /** How long a write took at most. */
  readonly longestMs: number;
}

/** A harness that goes on writing on a process of its own. */
export interface HarnessWriter extends AsyncDisposable {
  /** Ends it, and tells what it has done. */
  stop(): Promise<WriterReport>;
}

/** How long a writer waits for a lock before it fails. */
const TIMEOUT_MS = 1000;

const PAUSE_MS = 50;

/** Starts a process that writes an execution and replaces a run, as the harness does, every 50 ms. */
export async function startWriter(path: string): Promise<HarnessWriter> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", import.meta.url, path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream());
  const reader = output.getReader();
  await reader.read();
  let report: Promise<WriterReport> | undefined;
  const stop = async () => {
    await child.stdin.close();
    let text = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) text += chunk.value;
    await child.status;
    return JSON.parse(text) as WriterReport;
  };
  return {
    stop: () => report ??= stop(),
    async [Symbol.asyncDispose]() {
      await (report ??= stop());
    },
  };
}

/** Writes until its standard input ends. */
async function write(path: string): Promise<void> {
  using db = new DatabaseSync(path, { timeout: TIMEOUT_MS });
  let [writes, longestMs] = [0, 0];
  const failures: string[] = [];
  let open = true;
  Deno.stdin.read(new Uint8Array(1)).then(() => open = false);
  for (; open; writes++) {
    const start = performance.now();
    try {
      db.exec(`begin immediate;
        insert or replace into runs (run_id, created_at, claim) values ('run ${
        writes % 7
      }', unixepoch(), 'of ${writes}');
        insert into executions (execution_id, run_id, created_at) values ('written ${writes}', 'run ${
        writes % 7
      }', unixepoch());
        commit`);
    } catch (error) {
      failures.push(`${error}`);
      if (db.isTransaction) db.exec("rollback");
    }
    longestMs = Math.max(longestMs, performance.now() - start);
    if (writes === 0) console.log("writing");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  console.log(JSON.stringify({ writes, failures, longestMs }));
}

if (import.meta.main) await write(Deno.args[0]);
