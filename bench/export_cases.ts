import { join } from "node:path";
import type { Case } from "./cases.ts";
import { denoScript, denoScriptOfTasks } from "./deno_script.ts";
import { measure } from "./measure.ts";
import type { Server } from "./server.ts";
import type { Writer } from "./writers.ts";

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

/** The floor: what it costs to have all rows sent in the fastest form there is, and to throw them away. */
export function floorCase(context: CaseContext): Case {
  const name = `${context.psql ? "floor: psql" : "stand-in for the floor: postgres.js"}, COPY binary to nowhere`;
  return copyCase(context, { id: "floor", name, copy: "copy checks to stdout (format binary)" });
}

/** What the server takes to tell each day's rows and a digest of where they are: the least that a second export costs. */
export function scanCase(context: CaseContext): Case {
  const copy = `copy (
    select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD'), count(*), bit_xor(hash_record_extended(row(ctid, xmin, id), 0))
    from checks group by 1) to stdout`;
  return copyCase(context, { id: "scan", name: "psql, rows and a digest of each day", copy });
}

function copyCase(
  { server, rows, psql, signal }: CaseContext,
  { id, name, copy }: { readonly id: string; readonly name: string; readonly copy: string },
): Case {
  const client = psql
    ? ["psql", "-qXc", copy, server.url]
    : [Deno.execPath(), ...denoScript("peers/copy_out.ts", server.url, copy)];
  const args = ["-c", 'exec "$@" > /dev/null', "bash", ...client];
  return { id, name, part: "load", rows, against: [], run: () => measure({ program: "bash", args, signal }) };
}

/** A load of all rows into an empty directory, by each writer. */
export function loadCases({ rows }: CaseContext, writers: readonly Writer[]): Case[] {
  return writers.map((writer) => ({
    id: writer.id,
    name: writer.isPeer ? writer.name : `${writer.name}, everything`,
    part: "load",
    rows,
    against: writer.id === "export" ? ["floor"] : ["floor", "export"],
    async run(directory) {
      const sample = await writer.write(directory);
      expectRows(sample.rows, rows);
      return sample;
    },
  }));
}

/** What writing alone costs on one thread, of the same rows in memory, by the engine that the export has. */
export function engineCase({ rows, signal }: CaseContext, lake: string): Case {
  const args = denoScriptOfTasks("peers/wasm_write.ts", join(lake, "local"));
  return {
    id: "wasm",
    name: "DuckDB-WASM, one thread, writes the loaded table (its writing alone)",
    part: "beside",
    rows,
    against: ["floor", "export"],
    async run() {
      const { stdout } = await measure({ program: Deno.execPath(), args, signal });
      const written = JSON.parse(stdout);
      expectRows(written.rows, rows);
      return { wallS: written.wallS, stdout };
    },
  };
}

/** A fast way to lose rows is no peer. */
function expectRows(found: number, rows: number): void {
  if (found !== rows) {
    throw new Error(`${rows} rows were expected, not ${found}`);
  }
}
