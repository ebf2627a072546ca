import { isDeepStrictEqual } from "node:util";
import { EXIT, TaskError } from "../task/errors.ts";
import type { Migration } from "./files.ts";
import { createLedger, LEDGER, recordMigration } from "./ledger.ts";
import type { Sql } from "../postgres/connection.ts";

/** What a file must leave as it is: the ledger's table, and its rows of other files. */
export interface LedgerMark {
  /** The table with columns, constraints, triggers, rules and policies; null where there is none. */
  readonly shape: string | null;
  /** A digest of its rows; null where there is no table. */
  readonly rows: string | null;
}

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

/** The ledger as it is before a file runs. */
export function markLedger(sql: Sql): Promise<LedgerMark> {
  return readMark(sql, null);
}

async function readMark(sql: Sql, leftOut: number | null): Promise<LedgerMark> {
  const [{ shape } = { shape: null }] = await sql.unsafe<{ shape: string }[]>(SHAPE);
  if (shape === null) return { shape, rows: null };
  const [{ rows }] = await sql.unsafe<{ rows: string }[]>(ROWS, [leftOut]);
  return { shape, rows };
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
  if (!isDeepStrictEqual(await markLedger(tx), mark)) throw changedError(migration);
  if (mark.shape === null) await createLedger(tx);
  const before = mark.shape === null ? await markLedger(tx) : mark;
  await recordMigration(tx, migration, { kind: "applied", durationMs });
  const added = await tx.unsafe(
    `select from ${LEDGER} where version = $1 and name = $2 and checksum = $3 and kind = 'applied'`,
    [version, name, checksum],
  );
  if (added.length !== 1 || !isDeepStrictEqual(await readMark(tx, version), before)) throw changedError(migration);
}

function changedError({ name, transaction }: Migration): TaskError {
  const [finding, remedy] = transaction
    ? [`it changes the ledger ${LEDGER}, rolled back`, "take"]
    : [`it has changed the ledger ${LEDGER} and runs without a transaction, not recorded`, "restore the ledger, take"];
  return new TaskError(
    `Cannot apply migration "${name}": ${finding}; ${remedy} that out of the file and run migrate again`,
    EXIT.failed,
  );
}
