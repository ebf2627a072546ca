import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { denoScript } from "./deno_script.ts";
import { orderedSelect, readDataset } from "./peers/dataset.ts";
import { preparePython } from "./python.ts";
import type { Server } from "./server.ts";
import { programWriter, type Writer } from "./writers.ts";

/** What the peers need to be run. */
export interface PeerContext {
  /** Whose table they read. */
  readonly server: Server;
  /** A directory for what they are told. */
  readonly scratch: string;
  /** Whether psql is here. */
  readonly psql: boolean;
  /** Told what is left out. */
  readonly note: (text: string) => void;
  /** Ends the running command. */
  readonly signal: AbortSignal;
}

/** What people would write instead in Python, each a script of `peers/python`. */
const PYTHON_PEERS = [
  {
    id: "duckdb",
    name: "native DuckDB's Postgres extension, one statement, unordered",
    script: "duckdb_one_statement.py",
  },
  {
    id: "promises",
    name: "native DuckDB made to keep our promises",
    script: "duckdb_promises.py",
    isIncremental: true,
  },
  { id: "adbc", name: "ADBC into pyarrow, casts by hand", script: "adbc_pyarrow.py" },
  { id: "connectorx", name: "connectorx into pyarrow, casts by hand", script: "connectorx_pyarrow.py" },
  { id: "polars", name: "polars through connectorx, casts by hand, unordered", script: "polars_frame.py" },
];

/** What people would write instead, with the same rows, columns, types and compression. */
export async function peerWriters(context: PeerContext): Promise<Writer[]> {
  return [...await pythonPeers(context), ...await otherPeers(context)];
}

async function pythonPeers({ server, scratch, note, signal }: PeerContext): Promise<Writer[]> {
  const python = await preparePython(signal);
  if ("missing" in python) {
    for (const { name } of PYTHON_PEERS) {
      note(`Left out: ${name}, since Python's packages are not here: ${python.missing}`);
    }
    return [];
  }
  const dataset = await readDataset();
  const job = join(scratch, "job.json");
  await Deno.writeTextFile(
    job,
    JSON.stringify({
      url: server.url,
      select: dataset.select,
      orderedSelect: orderedSelect(dataset),
      columns: dataset.columns.map(({ name, duckdbType }) => ({ name, type: duckdbType })),
    }),
  );
  return PYTHON_PEERS.map((peer) => {
    const path = fileURLToPath(new URL(`peers/python/${peer.script}`, import.meta.url));
    return programWriter(peer, { program: python.program, args: ["-B", path, job], signal });
  });
}

/** What is written without Python. */
async function otherPeers({ server, psql, note, signal }: PeerContext): Promise<Writer[]> {
  const cursor = programWriter(
    { id: "cursor", name: "node-postgres cursor into hyparquet-writer, one file" },
    { program: Deno.execPath(), args: denoScript("peers/cursor_to_hyparquet.ts", server.url), signal },
  );
  const csv = { id: "csv", name: "psql CSV into native DuckDB" };
  if (!psql) {
    note(`Left out: ${csv.name}, since there is no psql on the PATH`);
    return [cursor];
  }
  const copy = `copy (${orderedSelect(await readDataset())}) to stdout (format csv, header)`;
  const line = 'psql -qXc "$1" "$2" | "${@:3}"';
  const reader = [Deno.execPath(), ...denoScript("peers/csv_to_duckdb.ts")];
  const args = ["-o", "pipefail", "-c", line, "bash", copy, server.url, ...reader];
  return [programWriter(csv, { program: "bash", args, signal }), cursor];
}
