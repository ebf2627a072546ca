import type { Origin } from "../postgres/database.ts";
import type { Sql } from "../postgres/connection.ts";
import { sleep } from "../task/sleep.ts";
import { type CurrentState, type LogLayout, parsePosition, writtenEnd } from "../dataset/source_state.ts";
import { directHostOf } from "../task/target.ts";

/** What every role may read. A standby has no insert position: asked for it, it ends the transaction. */
const STATE = `
  select current_database() as database,
    to_char(pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as started,
    case when pg_is_in_recovery() then 'standby'
      else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end as timeline,
    (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end)::text as position,
    nullif(current_setting('neon.tenant_id', true), '') as tenant,
    nullif(current_setting('neon.timeline_id', true), '') as branch,
    coalesce(has_function_privilege(to_regprocedure('pg_control_system()'), 'execute'), false) as "mayIdentify"`;

/** What STATE gives. */
interface StateRow {
  readonly database: string;
  readonly started: string;
  readonly timeline: string;
  readonly position: string;
  readonly tenant: string | null;
  readonly branch: string | null;
  readonly mayIdentify: boolean;
}

/** State of the server, for a transaction that has taken its snapshot: the position is behind everything it sees.
 *
 * A plain server is named by its system identifier and the database's name (a reset changes the oid), and by host and
 * port where its role may not execute pg_control_system(). On Neon a compute starts at will, and a restore is another
 * timeline of the tenant at the same host: they are the start there. The embedded database is named by its directory.
 *
 * The timeline is read from the log's end: after a promotion pg_control_checkpoint() still has the old one for a minute.
 */
export async function readServerState(tx: Sql, origin: Origin): Promise<CurrentState> {
  const [row] = await tx.unsafe<StateRow[]>(STATE);
  const { timeline, position } = row;
  const { id, starts } = await identify(tx, row, origin);
  return { id, start: starts.at(-1)!, starts, timeline, position };
}

async function identify(tx: Sql, row: StateRow, { host, port, embedded }: Origin): Promise<{
  readonly id: string;
  readonly starts: readonly string[];
}> {
  const { database, started, tenant, branch, mayIdentify } = row;
  if (embedded) return { id: `embedded ${embedded.directory}`, starts: embedded.starts };
  if (tenant && branch) {
    const name = host.toLowerCase();
    return { id: `neon ${directHostOf(name) ?? name}/${database}`, starts: [`${tenant}/${branch}`] };
  }
  const system = mayIdentify ? await readSystemIdentifier(tx) : `${host}:${port}`;
  return { id: `postgres ${system}/${database}`, starts: [started] };
}

/** A query of its own: Postgres refuses one that names a function it may not execute, whether it comes to it or not. */
async function readSystemIdentifier(tx: Sql): Promise<string> {
  const [{ system }] = await tx`select system_identifier::text as system from pg_control_system()`;
  return system;
}

const PAUSE_MS = 20;

/** Whether the log is on the server's disk up to a position, so that a crash gives nothing out again that stands before it.
 *
 * A standby replays nothing but what is on its disk. With synchronous_commit off the server writes its log a fraction of a
 * second later: so long is waited for.
 */
export async function isFlushed(sql: Sql, position: string, { waitMs = 3000 } = {}): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  for (;; await sleep(PAUSE_MS)) {
    const [{ flushed, ...layout }] = await sql.unsafe<({ flushed: string | null } & LogLayout)[]>(FLUSHED);
    if (flushed === null || parsePosition(flushed) >= writtenEnd(parsePosition(position), layout)) return true;
    if (performance.now() >= deadline) return false;
  }
}

const FLUSHED = `
  select case when not pg_is_in_recovery() then pg_current_wal_flush_lsn()::text end as flushed,
    current_setting('wal_block_size')::int4 as "pageBytes",
    pg_size_bytes(current_setting('wal_segment_size'))::int4 as "fileBytes"`;
