import { applyError } from "./errors.ts";
import type { Migration } from "./files.ts";
import { cancelledBy, listenToWarnings, type Sql } from "../postgres/connection.ts";
import type { Database } from "../postgres/database.ts";
import type { Report } from "../task/console.ts";

/** How to run whatever changes a database. */
export interface RunOptions {
  /** Takes what is worth knowing. */
  readonly report: Report;
  /** How long to wait for another runner's lock, and for locks on tables; 0 by default. */
  readonly waitMs?: number;
  /** Ends the run; the running statement is cancelled on the server. */
  readonly signal?: AbortSignal;
}

/** A run on an open database; in a transaction, `sql` is the transaction's. */
export type Run = RunOptions & Pick<Database, "sql" | "label" | "local" | "isPooled">;

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
export async function prepareSession(sql: Sql, lockTimeoutMs: number): Promise<void> {
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

/** Runs the statements of a file one by one, so that a failure has a line even where the server gives no position.
 *
 * Errors: TaskError (exit 1) with the server's error as its cause; the signal's reason when it was aborted.
 */
export async function runStatements({ sql, local, signal }: Run, migration: Migration): Promise<void> {
  for (const statement of migration.statements) {
    signal?.throwIfAborted();
    try {
      await cancelledBy(sql.unsafe(migration.text.slice(statement.start, statement.end)), signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw applyError(migration, error, { local, statement });
    }
  }
}

/** How many warnings of a file are told, the others being counted, and how long each may be. */
const MOST = { warnings: 20, characters: 1000 };

/** What `body` gives, while each WARNING that the server raises in the session is told at once, with the file's name.
 *
 * Its message alone: what the server adds (DETAIL, HINT, CONTEXT) can quote rows.
 */
export async function tellWarnings<T>(
  { sql, report }: Run,
  { name }: Migration,
  body: () => Promise<T>,
): Promise<{ readonly value: T; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const tell = (text: string) => {
    warnings.push(`${name}: ${text}`);
    report.warn(`${name}: ${text}`);
  };
  let count = 0;
  const listening = listenToWarnings(sql, (message) => {
    if (++count <= MOST.warnings) tell(shorten(message));
  });
  try {
    return { value: await body(), warnings };
  } finally {
    listening[Symbol.dispose]();
    if (count > MOST.warnings) tell(`${count - MOST.warnings} more warnings`);
  }
}

function shorten(message: string): string {
  const characters = [...message];
  return characters.length > MOST.characters ? `${characters.slice(0, MOST.characters).join("")} ...` : message;
}
