import type { Sql } from "../postgres/connection.ts";

/** Undoes what a file did to its session; RESET ALL leaves the role, and DISCARD ALL would drop the lock. */
const RESET = `
reset all;
reset session authorization;
reset role;
deallocate all;
discard temp;`;

/** Settings that no role, database or server may decide for a migration.
 *
 * The block at the end lets a server notice within a second that its client died; not every platform can.
 */
const SETTINGS = `
set search_path to public;
set default_transaction_read_only = off;
set standard_conforming_strings = on;
set quote_all_identifiers = off;
set client_min_messages = warning;
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
do $$ begin
  perform set_config('client_connection_check_interval', '1s', false);
exception when others then null;
end $$;`;

/** Gives the session the settings that migrations run with, whatever the last file did to it. */
export async function prepareSession(sql: Sql, { lockTimeoutMs }: { readonly lockTimeoutMs: number }): Promise<void> {
  await sql.unsafe(`${RESET}${SETTINGS}set lock_timeout = ${Math.ceil(lockTimeoutMs)};`);
}

/** Leaves the session as a new one. */
export async function resetSession(sql: Sql): Promise<void> {
  await sql.unsafe(RESET);
}

/** Gives the session its own role and names again, so that the ledger is written by the user who migrates. */
export async function resetRole(sql: Sql): Promise<void> {
  await sql.unsafe("reset session authorization; reset role; set search_path to public");
}
