import { ALEMBIC_TABLE, describeAlembic } from "./baseline.ts";
import { migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { LEDGER, readOwnRows } from "./ledger.ts";
import { type LedgerRow, type Plan, planMigrations, type PlanOptions } from "./plan.ts";
import type { Sql } from "../postgres/connection.ts";
import type { Database } from "../postgres/database.ts";
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
  throw migrateFailure(database.label, ["files and ledger disagree, nothing was run;", ...lines]);
}

async function readOwnLedger(database: Database, files: readonly Migration[]): Promise<readonly LedgerRow[]> {
  const { sql, label } = database;
  const rows = await readOwnRows(database);
  if (rows.length > 0) return rows;
  const names = await listRelations(sql);
  if (names.length === 0) return [];
  // Another runner may have applied the first file between the two looks.
  const again = await readOwnRows(database);
  if (again.length > 0) return again;
  if (!names.includes(ALEMBIC_TABLE)) throw foreignDatabaseError(label, names);
  throw migrateFailure(label, describeAlembic(await buildSchemas(files), await readActualSchema(sql)));
}

const MAX_NAMED = 6;

function foreignDatabaseError(label: string, names: readonly string[]): Error {
  const named = names.slice(0, MAX_NAMED).join(", ") + (names.length > MAX_NAMED ? ", ..." : "");
  return migrateFailure(
    label,
    `it holds ${named} and no ledger of these files in ${LEDGER}; ` +
      "if these are what the files up to N make, adopt it with --baseline N, else name an empty database",
  );
}

/** Names of the tables, views and sequences that somebody made, except the ledger and what belongs to an extension. */
async function listRelations(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ name: string }[]>(`
    select case n.nspname when 'public' then c.relname else n.nspname || '.' || c.relname end as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and n.nspname not in ('information_schema') and n.nspname not like 'pg\\_%'
      and c.oid is distinct from to_regclass('${LEDGER}')
      and not exists (
        select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('e', 'a', 'i'))
    order by n.nspname <> 'public', c.relkind = 'S', 1`);
  return rows.map(({ name }) => name);
}
