import { EXIT, type TaskError } from "../task/errors.ts";
import { fileFailure, migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import type { LedgerKind, LedgerRow } from "./plan.ts";
import { type Sql, withTransaction } from "../postgres/connection.ts";
import type { Database } from "../postgres/database.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** What a database holds where the ledger should be. */
export type Ledger =
  | { readonly kind: "ours"; readonly rows: readonly LedgerRow[] }
  /** No table of that name. */
  | { readonly kind: "none" }
  /** A table of that name that another tool made. */
  | { readonly kind: "foreign" }
  /** One that the session's role may not read: who that is, and the statements that would change it. */
  | { readonly kind: "unreadable"; readonly finding: string };

/** The ledger's name, with its schema: a file may have changed the search path. */
export const LEDGER = "public.schema_migrations";

const CREATE = `
create table if not exists ${LEDGER} (
  version integer primary key,
  name text not null,
  checksum text not null,
  kind text not null check (kind in ('applied', 'baseline')),
  applied_at timestamptz not null default clock_timestamp(),
  applied_by text not null default current_user,
  duration_ms integer not null
)`;

const READ = `
select version::integer, name::text, checksum::text, kind::text,
  to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "appliedAt",
  applied_by::text as "appliedBy", duration_ms::integer as "durationMs"
from ${LEDGER} order by version`;

const UNDEFINED_TABLE = "42P01";
const INSUFFICIENT_PRIVILEGE = "42501";

/** SQLSTATEs of reading a table whose columns are not ours. */
const OTHER_SHAPE = new Set(["42703", "42883", "42846", "22P02", "42809"]);

/** The ledger of a database, in one round trip. */
export async function readLedger(sql: Sql): Promise<Ledger> {
  try {
    return { kind: "ours", rows: [...await sql.unsafe<LedgerRow[]>(READ)] };
  } catch (error) {
    const { code } = serverErrorOf(error);
    if (code === UNDEFINED_TABLE) return { kind: "none" };
    if (code === INSUFFICIENT_PRIVILEGE) return { kind: "unreadable", finding: await describeLack(sql) };
    if (OTHER_SHAPE.has(code)) return { kind: "foreign" };
    throw error;
  }
}

async function describeLack(sql: Sql): Promise<string> {
  const [{ role, enters }] = await sql.unsafe<{ role: string; enters: boolean }[]>(
    "select quote_ident(current_user) as role, has_schema_privilege('public', 'usage') as enters",
  );
  const grants = [...(enters ? [] : ["usage on schema public"]), `select on ${LEDGER}`];
  const statements = grants.map((grant) => `grant ${grant} to ${role}`);
  return `ledger ${LEDGER} is not readable by role ${role}; run as its owner: ${statements.join("; ")}`;
}

/** Rows of the ledger; none where there is none.
 *
 * Errors: TaskError, exit 3 for a ledger of another tool, exit 1 for one that the role may not read.
 */
export async function readOwnRows({ sql, label }: Database): Promise<readonly LedgerRow[]> {
  const ledger = await readLedger(sql);
  if (ledger.kind === "ours") return ledger.rows;
  if (ledger.kind === "none") return [];
  // Nobody can tell what is pending.
  if (ledger.kind === "unreadable") throw migrateFailure(label, `its ${ledger.finding}`, EXIT.failed);
  throw migrateFailure(
    label,
    `its table ${LEDGER} belongs to another tool; ` +
      "rename or drop that table if the tool is not used any more, then adopt the database with --baseline N",
  );
}

/** Whether a database has a ledger of ours with a file in it; one that may not be read counts. */
export async function hasLedger(sql: Sql): Promise<boolean> {
  const ledger = await readLedger(sql);
  return ledger.kind === "unreadable" || ledger.kind === "ours" && ledger.rows.length > 0;
}

/** Creates the ledger where it is not there. */
export async function createLedger(sql: Sql): Promise<void> {
  await sql.unsafe(CREATE);
}

/** Adds one file to the ledger. */
export async function recordMigration(
  sql: Sql,
  { version, name, checksum }: Migration,
  { kind, durationMs }: { readonly kind: LedgerKind; readonly durationMs: number },
): Promise<void> {
  await sql.unsafe(
    `insert into ${LEDGER} (version, name, checksum, kind, duration_ms) values ($1, $2, $3, $4, $5)`,
    [version, name, checksum, kind, Math.round(durationMs)],
  );
}

/** Gives a ledger row the name and checksum that its file has now. */
export async function acceptEdit(sql: Sql, { version, name, checksum }: Migration): Promise<void> {
  const update = `update ${LEDGER} set name = $2, checksum = $3 where version = $1`;
  await withTransaction(sql, "read write", (tx) => tx.unsafe(update, [version, name, checksum]));
}

/** What a file must leave as it is: the ledger's table, and its rows of other files; null where there is no table. */
export type LedgerMark = string | null;

/** The table with columns, constraints, triggers, rules, policies and inheritance. */
const SHAPE = `
select concat_ws(E'\\n', c.oid, c.relkind, c.relrowsecurity, c.relforcerowsecurity,
  (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
      a.attidentity, pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
    from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  (select string_agg(pg_get_constraintdef(oid), ', ' order by oid) from pg_catalog.pg_constraint where conrelid = c.oid),
  (select string_agg(pg_get_triggerdef(oid) || tgenabled::text, ', ' order by oid)
    from pg_catalog.pg_trigger where tgrelid = c.oid),
  (select string_agg(pg_get_ruledef(oid) || ev_enabled::text, ', ' order by oid)
    from pg_catalog.pg_rewrite where ev_class = c.oid),
  (select string_agg(polname, ', ' order by oid) from pg_catalog.pg_policy where polrelid = c.oid),
  (select string_agg(inhrelid || ' of ' || inhparent, ', ' order by inhrelid)
    from pg_catalog.pg_inherits where c.oid in (inhrelid, inhparent))) as shape
from pg_catalog.pg_class c where c.oid = to_regclass('${LEDGER}')`;

/** Rows, but for one version, as text in which no setting of the session has a part. */
const ROWS = `
select coalesce(md5(string_agg(
  (version, name, checksum, kind, extract(epoch from applied_at), applied_by, duration_ms)::text, ',' order by version)
), '') as rows from ${LEDGER} where version is distinct from $1`;

/** The ledger as it is before a file runs; or as it is without one version. */
export async function markLedger(sql: Sql, leftOut: number | null = null): Promise<LedgerMark> {
  const [found] = await sql.unsafe<{ shape: string }[]>(SHAPE);
  if (found === undefined) return null;
  const [{ rows }] = await sql.unsafe<{ rows: string }[]>(ROWS, [leftOut]);
  return `${found.shape}\n${rows}`;
}

/** Adds a file to the ledger, which is created where it was not there.
 *
 * Errors: TaskError (exit 1) unless the ledger is as it was marked before the file ran, and the new row is all that is
 * added: a file can leave a trigger or a rule there.
 */
export async function recordUnchanged(
  tx: Sql,
  migration: Migration,
  { mark, durationMs }: { readonly mark: LedgerMark; readonly durationMs: number },
): Promise<void> {
  const { version, name, checksum } = migration;
  if (await markLedger(tx) !== mark) throw changedError(migration);
  if (mark === null) await createLedger(tx);
  const before = mark ?? await markLedger(tx);
  await recordMigration(tx, migration, { kind: "applied", durationMs });
  const added = await tx.unsafe(
    `select from ${LEDGER} where version = $1 and name = $2 and checksum = $3 and kind = 'applied'`,
    [version, name, checksum],
  );
  if (added.length !== 1 || await markLedger(tx, version) !== before) throw changedError(migration);
}

function changedError(migration: Migration): TaskError {
  return fileFailure(
    migration,
    migration.transaction
      ? `it changes the ledger ${LEDGER}, rolled back; take that out of the file`
      : `it has changed the ledger ${LEDGER} and runs without a transaction, not recorded; ` +
        "restore the ledger, take that out of the file",
  );
}
