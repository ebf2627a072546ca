import type { Database } from "../postgres/database.ts";
import { EXIT } from "../task/errors.ts";
import { migrateFailure } from "./errors.ts";
import { takeMigrationLock } from "./lock.ts";
import { resetSession } from "./session.ts";
import type { Sql } from "../postgres/connection.ts";
import type { Report } from "../task/console.ts";
import { POOLED } from "../postgres/pooler.ts";
import { toServerFailure } from "../postgres/server_failure.ts";

/** How to run whatever changes a database. */
export interface MigrationRunOptions {
  /** Takes what is worth knowing. */
  readonly report: Report;
  /** How long to wait for another runner's lock, and for locks on tables; 0 by default. */
  readonly waitMs?: number;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

/** What `body` returns, run while this session holds the migration lock; afterwards the session is as new.
 *
 * Errors: TaskError: exit 3 on a standby and behind a pooler; exit 5 when another runner holds the lock for
 * too long; what `body` throws.
 */
export async function underMigrationLock<T>(
  database: Database,
  { report, waitMs = 0, signal }: MigrationRunOptions,
  body: () => Promise<T>,
): Promise<T> {
  const { sql, label } = database;
  return await withMigrateErrors(database, async () => {
    if (await isStandby(sql)) throw standbyError(label);
    await requireSessions(database);
    const onWait = (holder: string) => report.note(`Waiting for ${holder} to finish migrating ${label}`);
    await using _lock = await takeMigrationLock(sql, { label, waitMs, onWait, signal });
    try {
      return await body();
    } finally {
      // Where the session is lost there is nothing to reset.
      await resetSession(sql).catch(() => {});
    }
  });
}

/** What `body` returns; a server's error becomes a TaskError that names the database. */
export async function withMigrateErrors<T>(database: Database, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw toServerFailure(error, { verb: "migrate", ...database });
  }
}

async function isStandby(sql: Sql): Promise<boolean> {
  const [{ standby }] = await sql.unsafe<{ standby: boolean }[]>("select pg_is_in_recovery() as standby");
  return standby;
}

function standbyError(label: string): Error {
  return migrateFailure(label, "its server is a standby, which takes no writes; use the primary", EXIT.refused);
}

/** Throws where a pooler in transaction mode stands before a database.
 *
 * Errors: TaskError (exit 3) naming the setting for the direct endpoint.
 */
export async function requireSessions({ label, isPooled }: Pick<Database, "label" | "isPooled">): Promise<void> {
  if (!await isPooled()) return;
  throw migrateFailure(
    label,
    `${POOLED}; put the server's direct endpoint into the same variable with _UNPOOLED at its end`,
    EXIT.refused,
  );
}
