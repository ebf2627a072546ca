import type { Database } from "../postgres/database.ts";
import { EXIT } from "../task/errors.ts";
import { ALEMBIC_TABLE, describeAlembic } from "./adoption.ts";
import { migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { LEDGER, listRelations, readLedger, type UnreadableLedger } from "./ledger.ts";
import { type LedgerRow, type Plan, planMigrations, type PlanOptions } from "./plan.ts";
import { readActualSchema } from "../schema/read.ts";
import { buildSchemas } from "../schema/scratch.ts";

/** The plan for an open database; nothing is changed.
 *
 * Errors: TaskError, exit 3 for a database that another tool has made, exit 1 for a ledger that the role may not read.
 */
export async function readPlan(
  database: Database,
  files: readonly Migration[],
  options: PlanOptions = {},
): Promise<Plan> {
  return planMigrations(files, await readOwnLedger(database, files), options);
}

/** The plan for an open database, which may be carried out.
 *
 * Errors: TaskError (exit 3) listing everything that forbids to run it.
 */
export async function readSafePlan(
  database: Database,
  files: readonly Migration[],
  options: PlanOptions = {},
): Promise<Plan> {
  const plan = await readPlan(database, files, options);
  if (plan.findings.length === 0) return plan;
  const lines = plan.findings.map((finding) => `  ${finding}`);
  throw migrateFailure(database.label, ["files and ledger disagree, nothing was run;", ...lines], EXIT.refused);
}

/** Rows of the ledger; none for an empty database.
 *
 * Errors: as `readPlan`.
 */
async function readOwnLedger({ sql, label }: Database, files: readonly Migration[]): Promise<readonly LedgerRow[]> {
  const ledger = await readLedger(sql);
  if (ledger.kind === "ours" && ledger.rows.length > 0) return ledger.rows;
  if (ledger.kind === "foreign") throw foreignLedgerError(label);
  if (ledger.kind === "unreadable") throw unreadableLedgerError(label, ledger);
  const names = await listRelations(sql);
  if (names.length === 0) return [];
  // Another runner may have applied the first file between the two looks.
  const again = await readLedger(sql);
  if (again.kind === "ours" && again.rows.length > 0) return again.rows;
  if (!names.includes(ALEMBIC_TABLE)) throw foreignDatabaseError(label, names);
  const finding = describeAlembic(await buildSchemas(files), await readActualSchema(sql));
  throw migrateFailure(label, finding, EXIT.refused);
}

/** The error for a ledger of another tool. */
export function foreignLedgerError(label: string): Error {
  return migrateFailure(
    label,
    `its table ${LEDGER} belongs to another tool; ` +
      "rename or drop that table if the tool is not used any more, then adopt the database with --baseline N",
    EXIT.refused,
  );
}

/** The error for a ledger that the session's role may not read: nobody can tell what is pending. */
export function unreadableLedgerError(label: string, { finding }: UnreadableLedger): Error {
  return migrateFailure(label, `its ${finding}`, EXIT.failed);
}

const MAX_NAMED = 6;

function foreignDatabaseError(label: string, names: readonly string[]): Error {
  const named = names.slice(0, MAX_NAMED).join(", ") + (names.length > MAX_NAMED ? ", ..." : "");
  return migrateFailure(
    label,
    `it holds ${named} and no ledger of these files in ${LEDGER}; ` +
      "if these are what the files up to N make, adopt it with --baseline N, else name an empty database",
    EXIT.refused,
  );
}
