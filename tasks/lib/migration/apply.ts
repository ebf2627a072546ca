import { EXIT, TaskError } from "../task/errors.ts";
import { applyError, migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { requireSessions } from "./guard.ts";
import { type LedgerMark, markLedger, recordUnchanged } from "./ledger_guard.ts";
import { holdsMigrationLock } from "./lock.ts";
import { runAlone } from "./no_transaction.ts";
import { prepareSession, resetRole } from "./session.ts";
import { runStatements } from "./statements.ts";
import type { Sql } from "../postgres/connection.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** What running a file needs to know beside the file. */
export interface RunOptions {
  /** Whether row values may be shown. */
  readonly local: boolean;
  /** Ends the file. */
  readonly signal?: AbortSignal;
}

/** What applying a file needs to know beside the file. */
export interface ApplyOptions extends RunOptions {
  /** The database, as it is printed. */
  readonly label: string;
  /** Whether a pooler in transaction mode stands before it. */
  readonly isPooled: () => Promise<boolean>;
  /** How long a statement may wait for a lock on a table. */
  readonly lockTimeoutMs: number;
  /** Takes what is worth knowing. */
  readonly note: (text: string) => void;
}

/** Applies one file and records it, both in one commit where the file allows it; returns the milliseconds it took.
 *
 * Run it under the migration lock.
 *
 * Errors: TaskError (exit 1) with the server's error as its cause; nothing of a file with a transaction is left then.
 */
export async function applyMigration(sql: Sql, migration: Migration, options: ApplyOptions): Promise<number> {
  return await withApplyErrors(migration, options, async () => {
    await prepareSession(sql, options);
    const started = performance.now();
    const ranAlone = migration.transaction ? undefined : await runAloneGuarded(sql, migration, options);
    return await sql.begin("isolation level read committed read write", async (transaction) => {
      const tx = transaction as unknown as Sql;
      await requireLock(tx, options.label);
      if (ranAlone) return await record(tx, migration, { mark: ranAlone.mark, started });
      return await runAndRecord(tx, migration, options);
    }) as number;
  });
}

/** What `body` gives; a server's error becomes a TaskError that names the file. */
export async function withApplyErrors<T>(
  migration: Migration,
  { local, signal }: RunOptions,
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
export async function runAndRecord(tx: Sql, migration: Migration, options: RunOptions): Promise<number> {
  const started = performance.now();
  const mark = await markLedger(tx);
  await runGuarded(tx, migration, options);
  return await record(tx, migration, { mark, started });
}

async function runAloneGuarded(
  sql: Sql,
  migration: Migration,
  options: ApplyOptions,
): Promise<{ readonly mark: LedgerMark }> {
  // What runs here cannot be taken back: a pooler that nobody noticed would run it beside another runner.
  await requireSessions(options);
  await requireLock(sql, options.label);
  const mark = await markLedger(sql);
  await runAlone(sql, migration, options);
  return { mark };
}

async function record(
  tx: Sql,
  migration: Migration,
  { mark, started }: { readonly mark: LedgerMark; readonly started: number },
): Promise<number> {
  const durationMs = Math.round(performance.now() - started);
  await resetRole(tx);
  if (!await holdsMigrationLock(tx)) throw releasedError(migration);
  await recordUnchanged(tx, migration, { mark, durationMs });
  return durationMs;
}

async function requireLock(sql: Sql, label: string): Promise<void> {
  if (await holdsMigrationLock(sql)) return;
  const finding = "this session has lost the lock, so another runner may be at work, nothing more was run";
  throw migrateFailure(label, `${finding}; run migrate again, on the server's direct endpoint`, EXIT.failed);
}

function releasedError({ name, transaction }: Migration): TaskError {
  const outcome = transaction ? "rolled back" : "not recorded";
  return new TaskError(
    `Cannot apply migration "${name}": it releases the lock that keeps other runners out, ${outcome}; ` +
      "take that out of the file and run migrate again",
    EXIT.failed,
  );
}

/** SQLSTATEs of a savepoint whose transaction has ended. */
const TRANSACTION_ENDED = new Set(["25P01", "3B001"]);

/** Runs a file between savepoint and release, which fails when the file has ended the transaction. */
export async function runGuarded(tx: Sql, migration: Migration, options: RunOptions): Promise<void> {
  await tx.unsafe("savepoint migration");
  await runStatements(tx, migration, options);
  options.signal?.throwIfAborted();
  try {
    // What is deferred is due now, while it can still be told which file it belongs to.
    await tx.unsafe("set constraints all immediate");
    await tx.unsafe("release savepoint migration");
  } catch (error) {
    if (!TRANSACTION_ENDED.has(serverErrorOf(error).code)) throw applyError(migration, error, options);
    throw new TaskError(
      `Cannot apply migration "${migration.name}": it ended the runner's transaction, so a part of it may stay; ` +
        "remove its transaction statements, undo that part, and run migrate again",
      EXIT.failed,
      { cause: error },
    );
  }
}
