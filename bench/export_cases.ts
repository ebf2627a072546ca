import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case } from "./cases.ts";
import { measure, type Sample } from "./measure.ts";
import { orderedSelect, readDataset } from "./peers/dataset.ts";
import type { Server } from "./server.ts";

/** What the cases work on. */
export interface CaseContext {
  /** Filled already. */
  readonly server: Server;
  /** Rows of `checks` in it. */
  readonly rows: number;
  /** Whether psql is here; postgres.js stands in for it otherwise. */
  readonly psql: boolean;
  /** Ends the running command. */
  readonly signal: AbortSignal;
}

const BENCH = fileURLToPath(new URL("./", import.meta.url));

/** Arguments of deno that run a script of this folder with the folder's packages. */
export function script(path: string, ...args: readonly string[]): string[] {
  return ["run", "-q", "-A", "--config", `${BENCH}deno.json`, `${BENCH}${path}`, ...args];
}

/** Arguments of deno that run a script of this folder with the packages of the tasks. */
export function scriptOfTasks(path: string, ...args: readonly string[]): string[] {
  return ["run", "-q", "-A", "--config", `${BENCH}../deno.json`, `${BENCH}${path}`, ...args];
}

/** The floor: what it costs to have all rows sent in the fastest form there is, and to throw them away. */
export function floorCase({ server, rows, psql, signal }: CaseContext): Case {
  const copy = copyOut(server.url, "copy checks to stdout (format binary)", psql);
  return {
    id: "floor",
    name: `${psql ? "floor: psql" : "stand-in for the floor: postgres.js"}, COPY binary to nowhere`,
    rows,
    against: [],
    run: () => shell('exec "$@" > /dev/null', copy, signal),
  };
}

/** Our export of all rows into an empty lane. */
export function exportCase({ server, rows }: CaseContext): Case {
  return {
    id: "export",
    name: "deno task export, everything",
    rows,
    against: ["floor"],
    async run(directory) {
      const sample = await server.task("export", "checks", "--out", directory, "--json");
      expectRows(JSON.parse(sample.stdout).lanes[0].rows, rows);
      return sample;
    },
  };
}

/** What people would write instead, with the same rows, columns and compression. */
export async function peerCases({ server, rows, psql, signal }: CaseContext): Promise<Case[]> {
  const select = orderedSelect(await readDataset());
  const copy = copyOut(server.url, `copy (${select}) to stdout (format csv, header)`, psql);
  const pipe = async (...args: string[]) => {
    const reader = [Deno.execPath(), ...script("peers/csv_to_duckdb.ts", ...args)];
    return await shell(`n=$1; shift; "\${@:1:n}" | "\${@:n+1}"`, [`${copy.length}`, ...copy, ...reader], signal);
  };
  const peer = (id: string, name: string, run: (directory: string) => Promise<Sample>): Case => ({
    id,
    name,
    rows,
    against: ["floor", "export"],
    async run(directory) {
      const sample = await run(directory);
      expectRows(sample.stdout, rows);
      return sample;
    },
  });
  const client = psql ? "psql" : "postgres.js";
  return [
    peer("csv", `${client} CSV into native DuckDB, a folder a day`, (to) => pipe(join(to, "lake"), "partitioned")),
    peer("csv-1", `${client} CSV into native DuckDB, one file`, (to) => pipe(join(to, "checks.parquet"))),
    peer(
      "cursor",
      "node-postgres cursor into hyparquet-writer, one file",
      (to) =>
        measure({
          program: Deno.execPath(),
          args: script("peers/cursor_to_hyparquet.ts", server.url, join(to, "checks.parquet")),
          signal,
        }),
    ),
  ];
}

/** What writing alone costs on one thread, of the same rows in memory: by native DuckDB, and by the engine that the export has. */
export function writeCases({ rows, signal }: CaseContext, lake: string): Case[] {
  const write = (id: string, engine: string, args: readonly string[]): Case => ({
    id,
    name: `${engine}, one thread, writes the loaded table (its writing alone)`,
    rows,
    against: ["floor", "export"],
    async run(directory) {
      const target = join(directory, "checks.parquet");
      const { stdout } = await measure({
        program: Deno.execPath(),
        args: [...args, join(lake, "local"), target],
        signal,
      });
      const written = JSON.parse(stdout);
      expectRows(written.rows, rows);
      return { wallS: written.wallS, stdout };
    },
  });
  return [
    write("write", "native DuckDB", script("peers/duckdb_write.ts")),
    write("wasm", "DuckDB-WASM", scriptOfTasks("peers/wasm_write.ts")),
  ];
}

function copyOut(url: string, copy: string, psql: boolean): string[] {
  return psql ? ["psql", "-qXc", copy, url] : [Deno.execPath(), ...script("peers/copy_out.ts", url, copy)];
}

function shell(line: string, args: readonly string[], signal: AbortSignal): Promise<Sample> {
  return measure({ program: "bash", args: ["-o", "pipefail", "-c", line, "bash", ...args], signal });
}

/** A fast way to lose rows is no peer. */
function expectRows(found: unknown, rows: number): void {
  if (Number(found) !== rows) {
    throw new Error(`${rows} rows were expected, not ${found}`);
  }
}
