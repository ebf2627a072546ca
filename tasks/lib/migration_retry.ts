import { EXIT, TaskError } from "./errors.ts";
import type { Migration } from "./migration_files.ts";
import type { Sql } from "./postgres.ts";
import { serverErrorOf } from "./server_error.ts";
import { sleep } from "./sleep.ts";

const LOCK_TIMEOUT = "55P03";

/** Lock timeout, deadlock, serialization failure: nothing of the file is left, and the next attempt may do better. */
const RETRIED = new Set([LOCK_TIMEOUT, "40P01", "40001"]);

/** A statement that waits for a table's lock makes everybody behind it wait too. */
const MAX_LOCK_TIMEOUT_MS = 5000;
const MIN_LOCK_TIMEOUT_MS = 100;

/** How to try a file again. */
export interface RetryOptions {
  /** How long to go on trying. */
  readonly waitMs: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Takes what is worth knowing. */
  readonly note: (text: string) => void;
}

/** What `attempt` returns, tried again from its start while only a lock stands in its way and time is left.
 *
 * Errors: what `attempt` throws; TaskError (exit 5) naming the sessions with locks when a lock was not had in time.
 */
export async function retryMigration<T>(
  sql: Sql,
  migration: Migration,
  options: RetryOptions & { readonly attempt: (lockTimeoutMs: number) => Promise<T> },
): Promise<T> {
  const deadline = performance.now() + options.waitMs;
  for (let pauseMs = 100;; pauseMs = Math.min(pauseMs * 2, 2000)) {
    const halfMs = Math.max((deadline - performance.now()) / 2, MIN_LOCK_TIMEOUT_MS);
    try {
      return await options.attempt(Math.min(halfMs, MAX_LOCK_TIMEOUT_MS));
    } catch (error) {
      const code = causeOf(error);
      if (!RETRIED.has(code)) throw error;
      if (performance.now() >= deadline) throw await withLockHolders(sql, migration, error);
      options.note(`Trying ${migration.name} again: ${REASONS[code]}`);
      // Two runners that met once shall not meet again.
      await sleep(pauseMs * (0.5 + Math.random()), options.signal);
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  "55P03": "another session has locked a table",
  "40P01": "it met another session in a deadlock",
  "40001": "another session changed the same rows",
};

function causeOf(error: unknown): string {
  return serverErrorOf((error as Error).cause ?? {}).code;
}

/** The error of a file; where a lock was not had in time, a TaskError (exit 5) that names the sessions with locks. */
export async function withLockHolders(sql: Sql, { name }: Migration, cause: unknown): Promise<unknown> {
  if (causeOf(cause) !== LOCK_TIMEOUT) return cause;
  const named = await nameLockHolders(sql);
  return new TaskError(
    `Cannot apply migration "${name}": a table it changes is locked by ${named}, rolled back; ` +
      "wait for these sessions to end, or raise --wait, and run migrate again",
    EXIT.locked,
    { cause },
  );
}

/** The other sessions that hold locks on tables, the oldest transaction first, for a message. */
export async function nameLockHolders(sql: Sql): Promise<string> {
  const rows = await sql.unsafe<{ holder: string }[]>(`
    select format('process %s (user %s, %s, %s on %s)', a.pid, a.usename, coalesce(a.state, 'unknown'),
        'since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
        string_agg(distinct l.relation::regclass::text, ', ')) as holder
    from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
    where l.granted and l.database = (select oid from pg_database where datname = current_database())
      and c.relkind in ('r', 'p', 'm') and c.relnamespace <> 'pg_catalog'::regnamespace and a.pid <> pg_backend_pid()
    group by a.pid, a.usename, a.state, a.xact_start order by a.xact_start limit 3`);
  // Where a statement has failed behind its first rows, the library begins the next result with as many holes.
  return rows.flatMap(({ holder }) => holder).join("; ") || "a session that has ended since";
}
