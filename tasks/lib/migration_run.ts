import type { Database } from "./database.ts";
import { EXIT, TaskError } from "./errors.ts";
import { applyMigration } from "./migration_apply.ts";
import type { Migration } from "./migration_files.ts";
import { acceptEdit, LEDGER, listRelations, readLedger } from "./migration_ledger.ts";
import { takeMigrationLock } from "./migration_lock.ts";
import { type Plan, planMigrations, type PlanOptions } from "./migration_plan.ts";
import { resetSession } from "./migration_session.ts";
import type { Report } from "./report.ts";

/** Options of `migrate`. */
export interface MigrateOptions extends PlanOptions {
  readonly report: Report;
  /** How long to wait for the lock of another runner, and for locks on tables. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** A file that a run has applied. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly durationMs: number;
}

/** What a run has done. */
export interface MigrateResult {
  readonly applied: readonly AppliedMigration[];
  /** The plan that the run began with. */
  readonly plan: Plan;
}

/** Applies the pending files to an open database and tells which.
 *
 * Errors: TaskError: exit 3 when the ledger or the database forbids it, with everything that is wrong; exit 5 when the lock
 * is not had in time; exit 1 when a file fails. The files applied before the failing one stay applied.
 */
export async function migrate(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<MigrateResult> {
  const plan = await readPlan(database, files, options);
  refuseFindings(database, plan);
  if (plan.pending.length + plan.accepted.length === 0) return { applied: [], plan };
  return await applyUnderLock(database, files, options);
}

async function applyUnderLock(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<MigrateResult> {
  const { sql, label, local } = database;
  const { report, waitMs = 60_000, signal } = options;
  const onWait = (holder: string) => report.note(`Waiting for ${holder} to finish migrating ${label}`);
  await using _lock = await takeMigrationLock(sql, { label, waitMs, onWait, ...(signal ? { signal } : {}) });
  // Another runner may have been faster.
  const plan = await readPlan(database, files, options);
  refuseFindings(database, plan);
  for (const file of plan.accepted) {
    await acceptEdit(sql, file);
    report.note(`Accepted ${file.name} as it is now`);
  }
  const applied: AppliedMigration[] = [];
  for (const migration of plan.pending) {
    signal?.throwIfAborted();
    const applyOptions = { label, local, lockTimeoutMs: 5000, ...(signal ? { signal } : {}) };
    const durationMs = Math.round(await applyMigration(sql, migration, applyOptions));
    report.note(`Applied ${migration.name} in ${durationMs} ms`);
    applied.push({ version: migration.version, name: migration.name, durationMs });
  }
  await resetSession(sql);
  return { applied, plan };
}

/** The plan for an open database; nothing is changed and nothing but its state is looked at.
 *
 * Errors: TaskError (exit 3) for a database that another tool has made.
 */
export async function readPlan(
  database: Database,
  files: readonly Migration[],
  options: PlanOptions = {},
): Promise<Plan> {
  const ledger = await readLedger(database.sql);
  if (ledger.kind === "foreign") throw foreignLedgerError(database);
  if (ledger.kind === "none") await refuseForeignDatabase(database);
  return planMigrations(files, ledger.kind === "ours" ? ledger.rows : [], options);
}

function refuseFindings({ label }: Database, plan: Plan): void {
  if (plan.findings.length === 0) return;
  const lines = plan.findings.map((finding) => `  ${finding}`);
  throw new TaskError(
    [`Cannot migrate database "${label}": files and ledger disagree, nothing was run;`, ...lines].join("\n"),
    EXIT.refused,
  );
}

function foreignLedgerError({ label }: Database): TaskError {
  return new TaskError(
    `Cannot migrate database "${label}": its table ${LEDGER} belongs to another tool; ` +
      "rename or drop that table if the tool is not used any more, then adopt the database with --baseline N",
    EXIT.refused,
  );
}

const MAX_NAMED = 6;

async function refuseForeignDatabase({ sql, label }: Database): Promise<void> {
  const names = await listRelations(sql);
  if (names.length === 0) return;
  const named = names.slice(0, MAX_NAMED).join(", ") + (names.length > MAX_NAMED ? ", ..." : "");
  throw new TaskError(
    `Cannot migrate database "${label}": it holds ${named} and no ledger ${LEDGER}; ` +
      "if these are what the files up to N make, adopt it with --baseline N, else name an empty database",
    EXIT.refused,
  );
}
