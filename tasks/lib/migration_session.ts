import type { Sql } from "./postgres.ts";

/** Settings that no role, database or server may decide for a migration. */
const SETTINGS = `
set search_path to public;
set standard_conforming_strings = on;
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
`;

/** Undoes what a file did to its session; RESET ALL leaves the role, and DISCARD ALL would drop the lock. */
const RESET = `
reset all;
reset session authorization;
reset role;
deallocate all;
discard temp;
`;

/** Seconds after which a server stops working for a client that died. */
const CHECK_CLIENT = "set client_connection_check_interval = '1s'";

/** Gives the session the settings that migrations run with, whatever the last file did to it. */
export async function prepareSession(sql: Sql, { lockTimeoutMs }: { readonly lockTimeoutMs: number }): Promise<void> {
  await sql.unsafe(`${RESET}${SETTINGS}set lock_timeout = ${lockTimeoutMs};`);
  // Not every platform can tell that a client is gone.
  await sql.unsafe(CHECK_CLIENT).catch(() => {});
}

/** Leaves the session as a new one. */
export async function resetSession(sql: Sql): Promise<void> {
  await sql.unsafe(RESET);
}
