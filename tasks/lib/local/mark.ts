import type { Sql } from "../postgres/connection.ts";

/** The mark of a database that may be dropped: a comment that only `db:up` and `db:reset` leave.
 *
 * It names its server, so that no dump, restored elsewhere with its comments, marks another one.
 */
const MARK = `select 'Heretix: made by db:up or db:reset of this machine, on server ' || system_identifier
  from pg_control_system()`;

/** Whether a database of the session's server bears the mark. */
export async function isMarked(sql: Sql, database: string): Promise<boolean> {
  const rows = await sql.unsafe(
    `select from pg_database where datname = $1 and shobj_description(oid, 'pg_database') = (${MARK})`,
    [database],
  );
  return rows.length > 0;
}

/** Marks a database of the session's server, whose owner the session's role is. */
export async function markDatabase(sql: Sql, database: string): Promise<void> {
  const [{ statement }] = await sql.unsafe(
    `select format('comment on database %I is %L', $1::text, (${MARK})) as statement`,
    [database],
  );
  await sql.unsafe(statement);
}

/** Whether nobody has made anything in the session's database: no relation, type or function, and no large object.
 *
 * What initdb makes has numbers below 16384. */
export async function isEmptyDatabase(sql: Sql): Promise<boolean> {
  const [{ empty }] = await sql`
    select not (exists (select from pg_class where oid >= 16384) or exists (select from pg_type where oid >= 16384)
      or exists (select from pg_proc where oid >= 16384) or exists (select from pg_largeobject_metadata)) as empty`;
  return empty;
}
