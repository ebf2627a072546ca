import type { Sql } from "./connection.ts";
import type { Target } from "../task/target.ts";
import { serverErrorOf } from "./server_error.ts";

/** Rows of one table. */
export interface TableRows {
  /** The table's name. */
  readonly table: string;
  /** Null where nobody knows: a large table that was never analyzed, or one that is locked or may not be read. */
  readonly rows: number | null;
  /** Whether the rows were counted; a large table's are estimated from the planner's statistics. */
  readonly exact: boolean;
}

/** What a session can tell of its server. */
export interface ServerFacts {
  /** As the server writes it, for example 16.4. */
  readonly version: string;
  /** Major version. */
  readonly major: number;
  /** TLS version of the session; null without TLS. */
  readonly tls: string | null;
  /** Median of five round trips. */
  readonly latencyMs: number;
  /** Server's clock minus this machine's, as exact as the round trip is short. */
  readonly clockSkewMs: number;
  /** Whether the server is a standby. */
  readonly recovery: boolean;
  /** Whether sessions start read-only, as they all do on a standby. */
  readonly readOnly: boolean;
  /** Indexes that a failed build has left behind. */
  readonly invalidIndexes: readonly string[];
  /** Rows by table of the public schema, in the order of their names. */
  readonly rows: readonly TableRows[];
}

/** State of the ledger against the migration files. */
export interface LedgerFacts {
  /** How many files are recorded. */
  readonly applied: number;
  /** Names of the files that are not. */
  readonly pending: readonly string[];
  /** What makes the files and the ledger disagree, one line each. */
  readonly conflicts: readonly string[];
}

/** Heap size up to which counting rows takes no time worth saving. */
const COUNTED_BYTES = 64 * 1024 * 1024;

/** How long a table is waited for that somebody has locked. */
const LOCK_TIMEOUT_MS = 1000;

/** More than clocks that are kept in step differ by, however slow the network. */
const MAX_SKEW_MS = 5000;

/** Oldest server that the migrations are written for. */
const OLDEST_MAJOR = 16;

/** Facts of a server, read through an open session. */
export async function readServerFacts(sql: Sql): Promise<ServerFacts> {
  const { latencyMs, clockSkewMs } = await measureRoundTrips(sql);
  const [server] = await sql`
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
      (select version from pg_stat_ssl where pid = pg_backend_pid() and ssl) as tls,
      pg_is_in_recovery() as recovery, current_setting('transaction_read_only')::boolean as read_only`;
  const invalid = await sql`
    select c.relname as name from pg_index x join pg_class c on c.oid = x.indexrelid
    where not x.indisvalid and c.relnamespace = to_regnamespace('public') order by 1`;
  return {
    version: server.version.split(" ")[0],
    major: server.major,
    tls: server.tls,
    latencyMs,
    clockSkewMs,
    recovery: server.recovery,
    readOnly: server.read_only,
    invalidIndexes: invalid.map(({ name }) => name),
    rows: await countRows(sql),
  };
}

/** The first trip warms the session up and does not count; the fastest one places the server's clock best. */
async function measureRoundTrips(sql: Sql): Promise<{ latencyMs: number; clockSkewMs: number }> {
  const trips: { ms: number; skewMs: number }[] = [];
  for (let trip = 0; trip < 6; trip++) {
    const wall = Date.now();
    const start = performance.now();
    const [{ epoch }] = await sql`select extract(epoch from clock_timestamp())::text as epoch`;
    const ms = performance.now() - start;
    if (trip > 0) trips.push({ ms, skewMs: Number(epoch) * 1000 - (wall + ms / 2) });
  }
  trips.sort((a, b) => a.ms - b.ms);
  return { latencyMs: round(trips[2].ms), clockSkewMs: Math.round(trips[0].skewMs) };
}

async function countRows(sql: Sql): Promise<TableRows[]> {
  const tables = await sql<{ oid: number; name: string; path: string; estimate: number; readable: boolean }[]>`
    select c.oid, c.relname as name, format('%I.%I', n.nspname, c.relname) as path, c.reltuples::float8 as estimate,
      has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') as readable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r' order by name`;
  const counts: TableRows[] = [];
  for (const table of tables) {
    const { name, estimate, readable } = table;
    const counted = readable ? await countSmall(sql, table) : null;
    const rows = counted ?? (estimate < 0 ? null : estimate);
    counts.push({ table: name, rows, exact: counted !== null });
  }
  return counts;
}

/** How many rows a table has; null where it is large, and where it is locked: who works on it may take hours. */
async function countSmall(sql: Sql, { oid, path }: { oid: number; path: string }): Promise<number | null> {
  try {
    const results = await sql.unsafe(`
      set local lock_timeout = ${LOCK_TIMEOUT_MS};
      select case when pg_relation_size(${oid}) <= ${COUNTED_BYTES} then (select count(*)::float8 from ${path}) end as rows`);
    return (results as unknown as { rows: number | null }[][]).at(-1)![0].rows;
  } catch (error) {
    if (serverErrorOf(error).code === "55P03") return null;
    throw error;
  }
}

const round = (ms: number) => Math.round(ms * 100) / 100;

/** What makes a database unhealthy, one line each; empty for a healthy one, and for what nobody can tell. */
export function findProblems(server: ServerFacts, ledger: LedgerFacts | null): string[] {
  const { conflicts, pending } = ledger ?? { conflicts: [], pending: [] };
  const problems = [...conflicts];
  if (pending.length > 0) {
    problems.push(`${pending.length} migrations are pending, from ${pending[0]}; run deno task migrate`);
  }
  if (server.major < OLDEST_MAJOR) {
    problems.push(`the server is version ${server.major}, the migrations need ${OLDEST_MAJOR}; upgrade it`);
  }
  if (server.invalidIndexes.length > 0) {
    problems.push(`invalid indexes: ${server.invalidIndexes.join(", ")}; drop them and build them again`);
  }
  if (Math.abs(server.clockSkewMs) > MAX_SKEW_MS) {
    problems.push(`the server's clock is ${formatSkew(server.clockSkewMs)}; set the one that is wrong`);
  }
  return problems;
}

/** What a target's URL asks for and this client does not do, one line each. */
export function findUnmet(target: Target): string[] {
  if (target.kind === "embedded" || !target.channelBinding) return [];
  const instead = target.tls ? "the certificate check stands in" : "without TLS nothing stands in";
  return [`channel_binding=require is not done by this client; ${instead}`];
}

/** What stands over the facts, and the notes and problems below them. */
export interface HealthFrame extends Pick<Target, "label"> {
  /** As `findProblems` tells them. */
  readonly problems: readonly string[];
  /** What is worth knowing of a healthy database, too. */
  readonly notes: readonly string[];
}

/** Lines about a database, problems last. */
export function formatHealth(
  server: ServerFacts,
  ledger: LedgerFacts | null,
  { label, problems, notes }: HealthFrame,
): string[] {
  const state = [server.recovery ? "standby" : "primary", server.readOnly ? "read-only" : "read-write"];
  return [
    `${label} is ${problems.length === 0 ? "healthy" : "not healthy"}`,
    `server      PostgreSQL ${server.version}, ${server.tls ?? "no TLS"}, ${state.join(", ")}`,
    `latency     ${server.latencyMs} ms`,
    `clock       ${formatSkew(server.clockSkewMs)}`,
    `migrations  ${ledger ? `${ledger.applied} applied, ${ledger.pending.length} pending` : "unknown"}`,
    ...server.rows.map((count, at) => `${at === 0 ? "rows" : "    "}        ${count.table} ${formatRows(count)}`),
    ...notes.map((note) => `note        ${note}`),
    ...problems.map((problem) => `problem     ${problem}`),
  ];
}

function formatSkew(ms: number): string {
  if (Math.abs(ms) < 1000) return "in step with this machine's";
  return `${(Math.abs(ms) / 1000).toFixed(1)} s ${ms > 0 ? "ahead of" : "behind"} this machine's`;
}

function formatRows({ rows, exact }: TableRows): string {
  if (exact) return `${rows}`;
  return rows === null
    ? "unknown (not readable, locked, or large and never analyzed)"
    : `about ${Math.round(rows)} (estimate)`;
}
