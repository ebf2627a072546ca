import { EXIT, TaskError } from "./errors.ts";
import { applyError, migrateFailure } from "./migration_errors.ts";
import type { Migration } from "./migration_files.ts";
import { createLedger, recordMigration } from "./migration_ledger.ts";
import { holdsMigrationLock } from "./migration_lock.ts";
import { runAlone } from "./migration_no_transaction.ts";
import { prepareSession, resetRole } from "./migration_session.ts";
import { runStatements } from "./migration_statements.ts";
import type { Sql } from "./postgres.ts";
import { serverErrorOf } from "./server_error.ts";

/** What applying a file needs to know beside the file. */
export interface ApplyOptions {
  /** The database, as it is printed. */
  readonly label: string;
  /** Whether row values may be shown. */
  readonly local: boolean;
  /** How long a statement may wait for a lock on a table. */
  readonly lockTimeoutMs: number;
  /** Ends the file. */
  readonly signal?: AbortSignal;
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
  const started = performance.now();
  const record = async (tx: Sql) => {
    const durationMs = Math.round(performance.now() - started);
    await recordMigration(tx, migration, { kind: "applied", durationMs });
    return durationMs;
  };
  try {
    await prepareSession(sql, options);
    if (!migration.transaction) {
      await checkLock(sql, options.label);
      await runAlone(sql, migration, options);
    }
    return await sql.begin("isolation level read committed read write", async (transaction) => {
      const tx = transaction as unknown as Sql;
      await checkLock(tx, options.label);
      if (migration.transaction) await runGuarded(tx, migration, options);
      await resetRole(tx);
      await createLedger(tx);
      return await record(tx);
    }) as number;
  } catch (error) {
    if (error instanceof TaskError || options.signal?.aborted) throw error;
    throw applyError(migration, error, options);
  }
}

async function checkLock(sql: Sql, label: string): Promise<void> {
  if (await holdsMigrationLock(sql)) return;
  const finding = "this session has lost the lock, so another runner may be at work, nothing more was run";
  throw migrateFailure(label, `${finding}; run migrate again, on the server's direct endpoint`, EXIT.failed);
}

/** SQLSTATEs of a savepoint whose transaction has ended. */
const TRANSACTION_ENDED = new Set(["25P01", "3B001"]);

/** Runs a file between savepoint and release, which fails when the file has ended the transaction. */
export async function runGuarded(tx: Sql, migration: Migration, options: ApplyOptions): Promise<void> {
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
