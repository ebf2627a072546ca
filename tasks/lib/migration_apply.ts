import { EXIT, TaskError } from "./errors.ts";
import { applyError, type Outcome } from "./migration_errors.ts";
import type { Migration } from "./migration_files.ts";
import { createLedger, recordMigration } from "./migration_ledger.ts";
import { holdsMigrationLock } from "./migration_lock.ts";
import { prepareSession } from "./migration_session.ts";
import type { Sql } from "./postgres.ts";
import { serverErrorOf } from "./server_error.ts";
import { scanSql, type Statement } from "./sql_scan.ts";

/** What applying needs to know beside the file. */
export interface ApplyOptions {
  /** The database, as it is printed. */
  readonly label: string;
  /** Whether row values may be shown. */
  readonly local: boolean;
  readonly lockTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Applies one file and records it; returns the milliseconds it took. Run it under the migration lock. */
export async function applyMigration(sql: Sql, migration: Migration, options: ApplyOptions): Promise<number> {
  await prepareSession(sql, options);
  const started = performance.now();
  const record = async (tx: Sql) => {
    const durationMs = performance.now() - started;
    await recordMigration(tx, migration, { kind: "applied", durationMs });
    return durationMs;
  };
  return migration.transaction
    ? await applyInTransaction(sql, migration, { ...options, record })
    : await applyWithoutTransaction(sql, migration, { ...options, record });
}

interface RecordingOptions extends ApplyOptions {
  readonly record: (tx: Sql) => Promise<number>;
}

async function applyInTransaction(sql: Sql, migration: Migration, options: RecordingOptions): Promise<number> {
  return await sql.begin("isolation level read committed read write", async (transaction) => {
    const tx = transaction as unknown as Sql;
    await checkLock(tx, options.label);
    await runGuarded(tx, migration, options);
    await tx.unsafe("reset session authorization; reset role");
    await createLedger(tx);
    return await options.record(tx);
  }) as number;
}

async function applyWithoutTransaction(sql: Sql, migration: Migration, options: RecordingOptions): Promise<number> {
  await checkLock(sql, options.label);
  await sql.unsafe("set lock_timeout = 0");
  await runStatements(sql, migration, { ...options, outcome: "not rolled back: it runs without a transaction" });
  return await sql.begin(async (transaction) => {
    const tx = transaction as unknown as Sql;
    await checkLock(tx, options.label);
    await tx.unsafe("reset session authorization; reset role");
    await createLedger(tx);
    return await options.record(tx);
  }) as number;
}

async function checkLock(sql: Sql, label: string): Promise<void> {
  if (await holdsMigrationLock(sql)) return;
  throw new TaskError(
    `Cannot migrate database "${label}": the session that held the lock is gone; ` +
      "run migrate again, on the server's direct endpoint if a pooler stands before it",
    EXIT.failed,
  );
}

/** SQLSTATEs of a savepoint whose transaction has ended. */
const TRANSACTION_ENDED = new Set(["25P01", "3B001"]);

/** Runs a file between savepoint and release, which fails when the file has ended the transaction. */
export async function runGuarded(tx: Sql, migration: Migration, options: ApplyOptions): Promise<void> {
  await tx.unsafe("savepoint migration");
  await runStatements(tx, migration, { ...options, outcome: "rolled back" });
  try {
    await tx.unsafe("set constraints all immediate; release savepoint migration");
  } catch (error) {
    if (!TRANSACTION_ENDED.has(serverErrorOf(error).code)) throw error;
    throw new TaskError(
      `Cannot apply migration "${migration.name}": it ended the runner's transaction, so what it did before may stay; ` +
        "remove its transaction statements, look at what it did, and run migrate again",
      EXIT.failed,
      { cause: error },
    );
  }
}

async function runStatements(
  sql: Sql,
  migration: Migration,
  options: ApplyOptions & { readonly outcome: Outcome },
): Promise<void> {
  for (const statement of scanSql(migration.text).statements) {
    options.signal?.throwIfAborted();
    try {
      await runStatement(sql, migration.text, { ...options, statement });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw applyError(migration, error, { ...options, statement });
    }
  }
}

/** Runs one statement; an abort cancels it on the server. */
async function runStatement(
  sql: Sql,
  text: string,
  { statement, signal }: { readonly statement: Statement; readonly signal?: AbortSignal },
): Promise<void> {
  const query = sql.unsafe(text.slice(statement.start, statement.end));
  const cancel = () => query.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    await query;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}
