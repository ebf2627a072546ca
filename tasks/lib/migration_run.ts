import type { Database } from "./database.ts";
import { applyMigration } from "./migration_apply.ts";
import { withProgress } from "./migration_errors.ts";
import type { Migration } from "./migration_files.ts";
import { acceptEdit } from "./migration_ledger.ts";
import { type MigrationRunOptions, underMigrationLock, withMigrateErrors } from "./migration_guard.ts";
import type { Plan, PlanOptions } from "./migration_plan.ts";
import { retryMigration } from "./migration_retry.ts";
import { readSafePlan } from "./migration_state.ts";

/** Options of `migrate`. */
export interface MigrateOptions extends PlanOptions, MigrationRunOptions {}

/** A file that a run has applied. */
export interface AppliedMigration {
  /** Its number. */
  readonly version: number;
  /** Its file name. */
  readonly name: string;
  /** How long it took. */
  readonly durationMs: number;
}

/** What a run has done. */
export interface MigrateResult {
  /** The files that were applied, in order. */
  readonly applied: readonly AppliedMigration[];
  /** The plan that the run carried out. */
  readonly plan: Plan;
}

/** Applies the pending files to an open database and tells which.
 *
 * A database that is up to date is only read, without taking the lock.
 *
 * Errors: TaskError: exit 3 when the ledger or the database forbids it, with everything that is wrong; exit 5 when a lock
 * is not had in time; exit 1 when a file fails. The files applied before the failing one stay applied, and are counted.
 */
export async function migrate(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<MigrateResult> {
  const plan = await withMigrateErrors(database, () => readSafePlan(database, files, options));
  if (plan.pending.length + plan.accepted.length === 0) return { applied: [], plan };
  return await underMigrationLock(database, options, async () => {
    // Another runner may have been faster.
    return await carryOut(database, await readSafePlan(database, files, options), options);
  });
}

async function carryOut(
  { sql, label, local, isPooled }: Database,
  plan: Plan,
  options: MigrateOptions,
): Promise<MigrateResult> {
  const { report, waitMs = 0, signal } = options;
  const note = report.note;
  for (const file of plan.accepted) {
    await acceptEdit(sql, file);
    note(`Accepted ${file.name} as it is now`);
  }
  const applied: AppliedMigration[] = [];
  try {
    for (const migration of plan.pending) {
      signal?.throwIfAborted();
      const attempt = (lockTimeoutMs: number) =>
        applyMigration(sql, migration, { label, local, isPooled, lockTimeoutMs, note, signal });
      const durationMs = await retryMigration(sql, migration, { waitMs, note, attempt, signal });
      note(`Applied ${migration.name} in ${durationMs} ms`);
      applied.push({ version: migration.version, name: migration.name, durationMs });
    }
  } catch (error) {
    throw withProgress(error, { applied: applied.length, pending: plan.pending.length, signal });
  }
  return { applied, plan };
}
