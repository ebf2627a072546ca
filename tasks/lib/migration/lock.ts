import { EXIT, TaskError } from "../task/errors.ts";
import { migrateFailure } from "./errors.ts";
import { resetSession, type Run } from "./session.ts";
import type { Sql } from "../postgres/connection.ts";
import { POOLED } from "../postgres/pooler.ts";
import { sleep } from "../task/sleep.ts";

/** What `body` returns, run while this session holds the migration lock; afterwards the session is as new.
 *
 * Errors: TaskError: exit 3 on a standby and behind a pooler; exit 5 when another runner holds the lock for
 * too long; what `body` throws.
 */
export async function underMigrationLock<T>(run: Run, body: () => Promise<T>): Promise<T> {
  await refuseStandby(run);
  await requireSessions(run);
  await using _lock = await takeMigrationLock(run);
  try {
    return await body();
  } finally {
    // Where the session is lost there is nothing to reset.
    await resetSession(run.sql).catch(() => {});
  }
}

async function refuseStandby({ sql, label }: Run): Promise<void> {
  const [{ standby }] = await sql.unsafe<{ standby: boolean }[]>("select pg_is_in_recovery() as standby");
  if (standby) throw migrateFailure(label, "its server is a standby, which takes no writes; use the primary");
}

/** Throws where a pooler in transaction mode stands before a database.
 *
 * Errors: TaskError (exit 3) naming the setting for the direct endpoint.
 */
export async function requireSessions({ label, isPooled }: Run): Promise<void> {
  if (!await isPooled()) return;
  const remedy = "put the server's direct endpoint into the same variable with _UNPOOLED at its end";
  throw migrateFailure(label, `${POOLED}; ${remedy}`);
}

/** Key of the advisory lock, the same for every version of the runner: "heretix" in ASCII. */
const KEY = "29384939580713336";

const POLL_MS = { first: 25, most: 400 };

/** The session's advisory lock, until disposed.
 *
 * It is polled: a session that blocks on a lock would be waited for by CREATE INDEX CONCURRENTLY, which waits for it.
 *
 * Errors: TaskError (exit 5) naming the holder when the time is over.
 */
export async function takeMigrationLock({ sql, label, report, waitMs = 0, signal }: Run): Promise<AsyncDisposable> {
  const deadline = performance.now() + waitMs;
  for (let pauseMs = POLL_MS.first, waiting = false;; pauseMs = Math.min(pauseMs * 1.5, POLL_MS.most)) {
    const [{ locked, pid }] = await sql.unsafe<{ locked: boolean; pid: number }[]>(
      `select pg_try_advisory_lock(${KEY}) as locked, pg_backend_pid() as pid`,
    );
    // A connection that is lost has lost the lock with it.
    if (locked) return { [Symbol.asyncDispose]: () => releaseLock(sql, pid).catch(() => {}) };
    if (performance.now() >= deadline) {
      const finding = `${await readHolder(sql)} has been migrating it for longer than ${waitMs / 1000} s`;
      throw new TaskError(
        `Cannot lock database "${label}": ${finding}; wait for it to end, or raise --wait`,
        EXIT.locked,
      );
    }
    if (!waiting) report.note(`Waiting for ${await readHolder(sql)} to finish migrating ${label}`);
    waiting = true;
    await sleep(pauseMs * (0.5 + Math.random()), signal);
  }
}

/** How long to go after a lock that is not in this session any more, and how often. */
const RELEASE = { withinMs: 5000, pauseMs: 5 };

/** Releases the lock in the server's process that took it: a pooler that nobody noticed may have given us another one. */
async function releaseLock(sql: Sql, pid: number): Promise<void> {
  const deadline = performance.now() + RELEASE.withinMs;
  do {
    const [{ isOver }] = await sql.unsafe<{ isOver: boolean }[]>(
      `select case when pg_backend_pid() = $1 then pg_advisory_unlock(${KEY}) is not null
        else not exists (select from pg_locks where ${IS_OUR_LOCK} and pid = $1) end as "isOver"`,
      [pid],
    );
    if (isOver) return;
    await sleep(RELEASE.pauseMs);
  } while (performance.now() < deadline);
}

/** Whether this session holds the lock still. */
export async function holdsMigrationLock(sql: Sql): Promise<boolean> {
  const [{ held }] = await sql.unsafe<{ held: boolean }[]>(
    `select exists (select from pg_locks where ${IS_OUR_LOCK} and pid = pg_backend_pid()) as held`,
  );
  return held;
}

const IS_OUR_LOCK = `locktype = 'advisory' and objsubid = 1 and granted
  and database = (select oid from pg_database where datname = current_database())
  and classid::bigint = ${KEY} >> 32 and objid::bigint = ${KEY} & 4294967295`;

async function readHolder(sql: Sql): Promise<string> {
  const [row] = await sql.unsafe<{ holder: string }[]>(`
    select 'process ' || a.pid || ' (user ' || coalesce(a.usename, '?')
      || coalesce(', from ' || host(a.client_addr), '')
      || coalesce(', since ' || to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '')
      || ')' as holder
    from pg_locks l join pg_stat_activity a using (pid)
    where ${IS_OUR_LOCK} limit 1`);
  return row?.holder ?? "another session";
}
