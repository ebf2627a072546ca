import { EXIT, TaskError } from "../task/errors.ts";
import { applyError, fileFailure, migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { type LedgerMark, markLedger, recordUnchanged } from "./ledger.ts";
import { holdsMigrationLock, requireSessions } from "./lock.ts";
import { runAlone } from "./no_transaction.ts";
import { prepareSession, resetRole, type Run, runStatements } from "./session.ts";
import { withTransaction } from "../postgres/connection.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** Modes of every transaction that a file runs in, whatever a role or a database sets. */
export const MODES = "isolation level read committed read write";

/** Applies one file and records it, both in one commit where the file allows it; returns the milliseconds it took.
 *
 * Run it under the migration lock.
 *
 * Errors: TaskError (exit 1) with the server's error as its cause; nothing of a file with a transaction is left then.
 */
export async function applyMigration(run: Run, migration: Migration, lockTimeoutMs: number): Promise<number> {
  return await withApplyErrors(run, migration, async () => {
    await prepareSession(run.sql, lockTimeoutMs);
    if (!migration.transaction) return await applyAlone(run, migration);
    return await inLockedTransaction(run, (tx) => runAndRecord(tx, migration));
  });
}

async function applyAlone(run: Run, migration: Migration): Promise<number> {
  const started = performance.now();
  // What runs here cannot be taken back: a pooler that nobody noticed would run it beside another runner.
  await requireSessions(run);
  await requireLock(run);
  const mark = await markLedger(run.sql);
  await runAlone(run, migration);
  return await inLockedTransaction(run, (tx) => record(tx, migration, { mark, started }));
}

async function inLockedTransaction<T>(run: Run, body: (tx: Run) => Promise<T>): Promise<T> {
  return await withTransaction(run.sql, MODES, async (sql) => {
    await requireLock({ ...run, sql });
    return await body({ ...run, sql });
  });
}

/** What `body` gives; a server's error becomes a TaskError that names the file. */
export async function withApplyErrors<T>(
  { local, signal }: Run,
  migration: Migration,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof TaskError || signal?.aborted) throw error;
    throw applyError(migration, error, { local });
  }
}

/** Runs a file in an open transaction and adds it to the ledger; returns the milliseconds it took. */
export async function runAndRecord(tx: Run, migration: Migration): Promise<number> {
  const started = performance.now();
  const mark = await markLedger(tx.sql);
  await runGuarded(tx, migration);
  return await record(tx, migration, { mark, started });
}

async function record(
  { sql }: Run,
  migration: Migration,
  { mark, started }: { readonly mark: LedgerMark; readonly started: number },
): Promise<number> {
  const durationMs = Math.round(performance.now() - started);
  await resetRole(sql);
  if (!await holdsMigrationLock(sql)) throw releasedError(migration);
  await recordUnchanged(sql, migration, { mark, durationMs });
  return durationMs;
}

async function requireLock({ sql, label }: Run): Promise<void> {
  if (await holdsMigrationLock(sql)) return;
  const finding = "this session has lost the lock, so another runner may be at work, nothing more was run";
  throw migrateFailure(label, `${finding}; run migrate again, on the server's direct endpoint`, EXIT.failed);
}

function releasedError(migration: Migration): TaskError {
  const outcome = migration.transaction ? "rolled back" : "not recorded";
  const finding = `it releases the lock that keeps other runners out, ${outcome}`;
  return fileFailure(migration, `${finding}; take that out of the file`);
}

/** SQLSTATEs of a savepoint whose transaction has ended. */
const TRANSACTION_ENDED = new Set(["25P01", "3B001"]);

/** Runs a file between savepoint and release, which fails when the file has ended the transaction. */
export async function runGuarded(tx: Run, migration: Migration): Promise<void> {
  const { sql, local, signal } = tx;
  await sql.unsafe("savepoint migration");
  await runStatements(tx, migration);
  signal?.throwIfAborted();
  try {
    // What is deferred is due now, while it can still be told which file it belongs to.
    await sql.unsafe("set constraints all immediate");
    await sql.unsafe("release savepoint migration");
  } catch (error) {
    if (!TRANSACTION_ENDED.has(serverErrorOf(error).code)) throw applyError(migration, error, { local });
    const finding = "it ended the runner's transaction, so a part of it may stay";
    const remedy = "remove its transaction statements, undo that part,";
    throw fileFailure(migration, `${finding}; ${remedy}`, { cause: error });
  }
}
