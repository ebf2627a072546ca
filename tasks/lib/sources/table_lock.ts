import type { Dataset } from "../dataset/dataset.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import type { Sql } from "../postgres/connection.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** How long an export waits for a table. */
export const LOCK_WAIT_S = 10;

/** Keeps a table as it is until the transaction's end, and must come before the first query takes the snapshot; false
 * where there is no such table.
 *
 * A TRUNCATE or a rewrite between the two would show an empty table, whatever has been loaded into it since.
 *
 * Errors: TaskError, exit 1 when the role may not read it, exit 5 naming who holds it up when it is not had in time.
 */
export async function lockTable(tx: Sql, { name, table }: Pick<Dataset, "name" | "table">): Promise<boolean> {
  try {
    // After an error the transaction is needed still: it has the session's settings.
    await tx.unsafe(`savepoint unlocked; lock table ${table} in access share mode; release unlocked`);
    return true;
  } catch (error) {
    const { code } = serverErrorOf(error);
    if (!["42P01", "42501", "55P03"].includes(code)) throw error;
    // Within a subtransaction no snapshot can be shared.
    await tx.unsafe("rollback to unlocked; release unlocked");
    if (code === "42P01") return false;
    if (code === "42501") {
      const [{ role }] = await tx.unsafe("select quote_ident(current_user) as role");
      throw new TaskError(
        `Cannot export "${name}": role ${role} may not read ${table}; grant select on ${table} to ${role}, ` +
          `or name the datasets that it may read`,
        EXIT.failed,
        { cause: error },
      );
    }
    throw new TaskError(
      `Cannot export "${name}": table ${table} is held up by ${await readHolder(tx, table)} for longer than ` +
        `${LOCK_WAIT_S} s; wait for it to end, and run the export again`,
      EXIT.locked,
      { cause: error },
    );
  }
}

/** Who has the one lock that keeps readers out, or waits for it in front of us. */
async function readHolder(tx: Sql, table: string): Promise<string> {
  const [row] = await tx.unsafe<{ holder: string }[]>(`
    select format('process %s (%s)', pid, concat_ws(', ', 'user ' || a.usename, nullif(a.application_name, ''))) as holder
    from pg_locks l join pg_stat_activity a using (pid)
    where l.relation = '${table}'::regclass and l.mode = 'AccessExclusiveLock'
      and l.database = (select oid from pg_database where datname = current_database())
    order by l.granted desc limit 1`);
  return row?.holder ?? "another session";
}
