import type { Database } from "../postgres/database.ts";
import { applyMigration, MODES, runAndRecord, withApplyErrors } from "./apply.ts";
import { withMigrateErrors, withProgress } from "./errors.ts";
import type { Migration } from "./files.ts";
import { acceptEdit } from "./ledger.ts";
import { underMigrationLock } from "./lock.ts";
import type { Plan, PlanOptions } from "./plan.ts";
import { retryMigration, withLockHolders } from "./retry.ts";
import { prepareSession, type Run, type RunOptions, tellWarnings } from "./session.ts";
import { readSafePlan } from "./state.ts";
import { withRollback } from "../postgres/connection.ts";

/** Options of `migrate`. */
export interface MigrateOptions extends RunOptions, PlanOptions {
  /** Called before the lock is taken, with the files that are to be applied, where there are any; throws to leave it. */
  readonly confirm?: (pending: readonly Migration[]) => Promise<void>;
}

/** A file that a run has applied. */
export interface AppliedMigration extends Pick<Migration, "version" | "name"> {
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

/** As `applyPending`, where no command words a server's errors. */
export async function migrate(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<MigrateResult> {
  return await withMigrateErrors(database, () => applyPending(database, files, options));
}

/** Applies the pending files to an open database and tells which.
 *
 * A database that is up to date is only read, without taking the lock.
 *
 * Errors: TaskError: exit 3 when the ledger or the database forbids it, with everything that is wrong; exit 5 when a lock
 * is not had in time; exit 1 when a file fails. The files applied before the failing one stay applied, and are counted.
 * A server's error as it is.
 */
export async function applyPending(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<MigrateResult> {
  const plan = await readSafePlan(database, files, options);
  if (plan.pending.length + plan.accepted.length === 0) return { applied: [], warnings: [], plan };
  if (plan.pending.length > 0) await options.confirm?.(plan.pending);
  const run = { ...database, ...options };
  return await underMigrationLock(run, async () => {
    // Another runner may have been faster.
    return await carryOut(run, await readSafePlan(database, files, options));
  });
}

async function carryOut(run: Run, plan: Plan): Promise<MigrateResult> {
  const { sql, report: { note }, signal } = run;
  for (const file of plan.accepted) {
    await acceptEdit(sql, file);
    note(`Accepted ${file.name} as it is now`);
  }
  const applied: AppliedMigration[] = [];
  const warnings: string[] = [];
  try {
    for (const migration of plan.pending) {
      signal?.throwIfAborted();
      // Warnings of attempts that were rolled back are left out.
      const { value: durationMs, warnings: raised } = await retryMigration(
        run,
        migration,
        (lockTimeoutMs) => tellWarnings(run, migration, () => applyMigration(run, migration, lockTimeoutMs)),
      );
      note(`Applied ${migration.name} in ${durationMs} ms`);
      applied.push({ version: migration.version, name: migration.name, durationMs });
      warnings.push(...raised);
    }
  } catch (error) {
    throw withProgress(error, { applied: applied.length, pending: plan.pending.length, signal });
  }
  return { applied, warnings, plan };
}

/** What a rehearsal ran and what it left out. */
export interface Rehearsal {
  /** Files that ran, and were rolled back. */
  readonly rehearsed: readonly Migration[];
  /** Files that cannot run in a transaction. */
  readonly skipped: readonly Migration[];
  /** What the server warned of, the file named in each. */
  readonly warnings: readonly string[];
}

/** Runs the pending files in one transaction and rolls it back; tells which ran.
 *
 * Errors: as `applyPending`.
 */
export async function rehearse(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<Rehearsal> {
  const run = { ...database, ...options };
  return await underMigrationLock(run, async () => {
    const { pending } = await readSafePlan(database, files, options);
    const skipped = pending.filter(({ transaction }) => !transaction);
    const rehearsed = pending.filter(({ transaction }) => transaction);
    for (const { name } of skipped) options.report.note(`Not rehearsed: ${name} runs without a transaction`);
    return { rehearsed, skipped, warnings: await runAndRollBack(run, rehearsed) };
  });
}

/** A rehearsal holds the locks of all its files to its end: it waits less long for one than a run may. */
const LOCK_TIMEOUT_MS = { least: 100, most: 5000 };

/** Runs files and rolls them back; gives their warnings. */
async function runAndRollBack(run: Run, migrations: readonly Migration[]): Promise<readonly string[]> {
  const lockTimeoutMs = Math.min(Math.max(run.waitMs ?? 0, LOCK_TIMEOUT_MS.least), LOCK_TIMEOUT_MS.most);
  const warnings: string[] = [];
  let current = migrations[0];
  try {
    await withRollback(run.sql, MODES, async (sql) => {
      const tx = { ...run, sql };
      for (const migration of migrations) {
        current = migration;
        const body = () =>
          withApplyErrors(tx, migration, async () => {
            await prepareSession(sql, lockTimeoutMs);
            await runAndRecord(tx, migration);
          });
        warnings.push(...(await tellWarnings(run, migration, body)).warnings);
        run.report.note(`Rehearsed ${migration.name}`);
      }
    });
  } catch (error) {
    throw await withLockHolders(run.sql, current, error);
  }
  return warnings;
}
