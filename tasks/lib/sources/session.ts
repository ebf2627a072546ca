import { closeConnection, connect, type Sql } from "../postgres/connection.ts";
import type { SharedSnapshot } from "../dataset/source.ts";
import { LOCK_WAIT_S } from "./table_lock.ts";
import { orAbort } from "../task/abort.ts";

/** Settings that a server, a database or a role may have changed, and that must not change a byte or stop the export.
 *
 * They go with the BEGIN, the time limits first: a session that has begun and waits for its settings is idle already.
 */
const SETTINGS = [
  "set local statement_timeout = 0",
  "set local idle_in_transaction_session_timeout = 0",
  `set local lock_timeout = '${LOCK_WAIT_S}s'`,
  "set local search_path = pg_catalog",
  "set local timezone = 'UTC'",
  // Days are read as text.
  "set local datestyle = 'ISO'",
  // Names of types are compared.
  "set local quote_all_identifiers = off",
  // Row security would hide rows silently; off, it is an error.
  "set local row_security = off",
].join("; ");

const MODES = "isolation level repeatable read read only";

/** Has rows come in the order of an index wherever there is one. */
export const BY_INDEX = "set local enable_sort = off";

/** Begins a transaction that sees one state of the database. */
export const BEGIN = `begin ${MODES}; ${SETTINGS}`;

/** How long a further session may take until it sees what the first one does. */
export const JOIN_MS = 5000;

/** A further session that sees the first one's snapshot, with the table locked; undefined where it is not had in time.
 *
 * A pooler without a place to spare lets a client wait without a word, and so does an ALTER that waits for the first
 * session to end. What else goes wrong, the first session finds too.
 */
export async function joinSnapshot({ target, id, table, byIndex }: SharedSnapshot): Promise<Sql | undefined> {
  const late = AbortSignal.timeout(JOIN_MS);
  let sql: Sql | undefined;
  try {
    sql = await connect(target, { waitMs: JOIN_MS, signal: late });
    const begin = `begin ${MODES}; set transaction snapshot '${id}'; ${SETTINGS}`;
    // A server does not notice that a client has gone which waits for a lock.
    const lock = `set local lock_timeout = ${JOIN_MS}; lock table ${table} in access share mode`;
    await orAbort(sql.unsafe(`${begin}; ${lock}${byIndex ? `; ${BY_INDEX}` : ""}`), late);
    return sql;
  } catch {
    if (sql !== undefined) await closeConnection(sql, 0);
    return undefined;
  }
}
