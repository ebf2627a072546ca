import type { LedgerKind, LedgerRow } from "./plan.ts";
import type { Migration } from "./files.ts";
import type { Sql } from "../postgres/connection.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** What a database holds where the ledger should be. */
export type Ledger =
  | { readonly kind: "ours"; readonly rows: readonly LedgerRow[] }
  /** No table of that name. */
  | { readonly kind: "none" }
  /** A table of that name that another tool made. */
  | { readonly kind: "foreign" }
  | UnreadableLedger;

/** A ledger that the session's role may not read. */
export interface UnreadableLedger {
  /** Tells it from the others. */
  readonly kind: "unreadable";
  /** Who may not read it, and the statements that would change that. */
  readonly finding: string;
}

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
  await sql.begin("read write", async (transaction) => {
    await transaction.unsafe(
      `update ${LEDGER} set name = $2, checksum = $3 where version = $1`,
      [version, name, checksum],
    );
  });
}

/** Names of the tables, views and sequences that somebody made, except the ledger and what belongs to an extension. */
export async function listRelations(sql: Sql): Promise<readonly string[]> {
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
