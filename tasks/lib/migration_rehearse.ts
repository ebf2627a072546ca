import type { Database } from "./database.ts";
import { type ApplyOptions, runGuarded } from "./migration_apply.ts";
import type { Migration } from "./migration_files.ts";
import { type MigrateOptions } from "./migration_run.ts";
import { underMigrationLock } from "./migration_guard.ts";
import { prepareSession, resetRole } from "./migration_session.ts";
import { readSafePlan } from "./migration_state.ts";
import type { Sql } from "./postgres.ts";

/** What a rehearsal ran and what it left out. */
export interface Rehearsal {
  /** Files that ran, and were rolled back. */
  readonly rehearsed: readonly Migration[];
  /** Files that cannot run in a transaction. */
  readonly skipped: readonly Migration[];
}

/** How long a rehearsal may wait for a lock on a table. */
const LOCK_TIMEOUT_MS = 5000;

/** Runs the pending files in one transaction and rolls it back; tells which ran.
 *
 * Errors: TaskError as `migrate` throws them.
 */
export async function rehearse(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<Rehearsal> {
  const { sql, label, local } = database;
  const { report: { note }, signal } = options;
  return await underMigrationLock(database, options, async () => {
    const { pending } = await readSafePlan(database, files, options);
    const skipped = pending.filter(({ transaction }) => !transaction);
    const rehearsed = pending.filter(({ transaction }) => transaction);
    for (const { name } of skipped) note(`Not rehearsed: ${name} runs without a transaction`);
    const applyOptions = { label, local, note, lockTimeoutMs: LOCK_TIMEOUT_MS, signal };
    await runAndRollBack(sql, rehearsed, applyOptions);
    return { rehearsed, skipped };
  });
}

async function runAndRollBack(sql: Sql, migrations: readonly Migration[], options: ApplyOptions): Promise<void> {
  const rollBack = new Error("rehearsed");
  await sql.begin(async (transaction) => {
    const tx = transaction as unknown as Sql;
    for (const migration of migrations) {
      await prepareSession(tx, options);
      await runGuarded(tx, migration, options);
      await resetRole(tx);
      options.note(`Rehearsed ${migration.name}`);
    }
    throw rollBack;
  }).catch((error) => {
    if (error !== rollBack) throw error;
  });
}
