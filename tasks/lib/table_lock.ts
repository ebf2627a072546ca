import { EXIT, TaskError } from "./errors.ts";
import type { Sql } from "./postgres.ts";
import { serverErrorOf } from "./server_error.ts";

/** How long an export waits for its table. */
export const LOCK_WAIT_S = 10;

/** Keeps the table as it is until the transaction's end, and must come before the first query takes the snapshot.
 *
 * A TRUNCATE or a rewrite between the two would show an empty table, whatever has been loaded into it since.
 *
 * Errors: TaskError, exit 1 when there is no such table, exit 5 naming who holds it up when it is not had in time.
 */
export async function lockTable(tx: Sql, dataset: string): Promise<void> {
  try {
    // After an error the transaction is needed still: it has the session's settings.
    await tx.unsafe("savepoint unlocked; lock table public.checks in access share mode");
  } catch (error) {
    const { code } = serverErrorOf(error);
    if (code === "42P01") {
      throw new TaskError(`Cannot export "${dataset}": table public.checks does not exist; run deno task migrate`);
    }
    if (code !== "55P03") throw error;
    await tx.unsafe("rollback to unlocked");
    throw new TaskError(
      `Cannot export "${dataset}": table public.checks is held up by ${await readHolder(tx)} for longer than ` +
        `${LOCK_WAIT_S} s; wait for it to end, and run the export again`,
      EXIT.locked,
      { cause: error },
    );
  }
}

/** Who has the one lock that keeps readers out, or waits for it in front of us. */
async function readHolder(tx: Sql): Promise<string> {
  const [row] = await tx.unsafe<{ holder: string }[]>(`
    select format('process %s (%s)', pid, concat_ws(', ', 'user ' || a.usename, nullif(a.application_name, ''))) as holder
    from pg_locks l join pg_stat_activity a using (pid)
    where l.relation = 'public.checks'::regclass and l.mode = 'AccessExclusiveLock'
      and l.database = (select oid from pg_database where datname = current_database())
    order by l.granted desc limit 1`);
  return row?.holder ?? "another session";
}
