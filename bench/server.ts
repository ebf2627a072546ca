import postgres from "postgres";
import { type Cluster, startCluster } from "../tests/support/cluster.ts";
import { measure, type Sample } from "./measure.ts";
import { treeCpuS } from "./proc.ts";

/** A Postgres 16 of the benchmark's own, with one database that the tasks fill. */
export interface Server extends AsyncDisposable {
  /** URL of the database. */
  readonly url: string;
  /** Makes the database anew with so many rows of `checks`, as the tasks make it, and lets Postgres settle. */
  fill(size: Size): Promise<void>;
  /** Runs SQL in it and gives the rows. */
  query(text: string): Promise<readonly Record<string, unknown>[]>;
  /** Seconds of CPU that it has taken since it started; undefined where there is no /proc. */
  cpuS(): number | undefined;
  /** Measures one task of deno.json on it. */
  task(name: string, ...args: string[]): Promise<Sample>;
}

/** Rows of `checks` and the days they are spread over. */
export interface Size {
  /** Rows of `checks`; the other tables follow from it. */
  readonly rows: number;
  /** Days up to 2025-09-30. */
  readonly days: number;
}

/** Memory and log space that a server of this size would be given. */
const SETTINGS = { shared_buffers: "1GB", max_wal_size: "8GB" };

/** Starts the server. */
export async function startServer(signal: AbortSignal): Promise<Server> {
  const cluster: Cluster = await startCluster(SETTINGS);
  const url = cluster.url.replace(/postgres$/, "bench");
  const env = { DATABASE_URL: url };
  const task = (name: string, ...args: string[]) =>
    measure({ program: Deno.execPath(), args: ["task", "-q", name, ...args], env, signal });
  const query = (text: string) => queryOf(url, text);
  const pid = await postmasterOf(cluster.url);
  return {
    url,
    cpuS: () => treeCpuS(pid),
    query,
    task,
    async fill({ rows, days }) {
      await task("db:reset", "--yes", "--quiet");
      await task("db:seed", "--rows", `${rows}`, "--days", `${days}`, "--quiet");
      await query("vacuum analyze");
      await query("checkpoint");
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function queryOf(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe(text);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** The process from which all others of the server descend. */
async function postmasterOf(url: string): Promise<number> {
  const [{ directory }] = await queryOf(url, "select current_setting('data_directory') as directory");
  return parseInt(await Deno.readTextFile(`${directory}/postmaster.pid`));
}
