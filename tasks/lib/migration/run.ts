import type { Database } from "../postgres/database.ts";
import { applyMigration } from "./apply.ts";
import { withProgress } from "./errors.ts";
import type { Migration } from "./files.ts";
import { acceptEdit } from "./ledger.ts";
import { type MigrationRunOptions, underMigrationLock, withMigrateErrors } from "./guard.ts";
import type { Plan, PlanOptions } from "./plan.ts";
import { retryMigration } from "./retry.ts";
import { readSafePlan } from "./state.ts";
import { tellWarnings, type WithWarnings } from "./warnings.ts";

/** Options of `migrate`. */
export interface MigrateOptions extends PlanOptions, MigrationRunOptions {
  /** Called before the lock is taken, with the files that are to be applied, where there are any; throws to leave it. */
  readonly confirm?: (pending: readonly Migration[]) => Promise<void>;
}

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
  /** What the server warned of while they ran, the file named in each. */
  readonly warnings: readonly string[];
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
  if (plan.pending.length + plan.accepted.length === 0) return { applied: [], warnings: [], plan };
  if (plan.pending.length > 0) await options.confirm?.(plan.pending);
  return await underMigrationLock(database, options, async () => {
    // Another runner may have been faster.
    return await carryOut(database, await readSafePlan(database, files, options), options);
  });
}

async function carryOut(database: Database, plan: Plan, options: MigrateOptions): Promise<MigrateResult> {
  const { note } = options.report;
  for (const file of plan.accepted) {
    await acceptEdit(database.sql, file);
    note(`Accepted ${file.name} as it is now`);
  }
  const applied: AppliedMigration[] = [];
  const warnings: string[] = [];
  try {
    for (const migration of plan.pending) {
      options.signal?.throwIfAborted();
      const { value: durationMs, warnings: raised } = await applyPending(database, migration, options);
      note(`Applied ${migration.name} in ${durationMs} ms`);
      applied.push({ version: migration.version, name: migration.name, durationMs });
      warnings.push(...raised);
    }
  } catch (error) {
    throw withProgress(error, { applied: applied.length, pending: plan.pending.length, signal: options.signal });
  }
  return { applied, warnings, plan };
}

/** Applies a file, tried again while a lock stands in its way; warnings of attempts that were rolled back are left out. */
async function applyPending(
  { sql, label, local, isPooled }: Database,
  migration: Migration,
  { report: { note, warn }, waitMs = 0, signal }: MigrateOptions,
): Promise<WithWarnings<number>> {
  const attempt = async (lockTimeoutMs: number) => {
    const body = () => applyMigration(sql, migration, { label, local, isPooled, lockTimeoutMs, note, signal });
    return await tellWarnings(sql, migration, { warn, body });
  };
  return await retryMigration(sql, migration, { waitMs, note, attempt, signal });
}
