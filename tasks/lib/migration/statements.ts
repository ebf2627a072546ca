import { applyError } from "./errors.ts";
import type { Migration } from "./files.ts";
import { cancelledBy, type Sql } from "../postgres/connection.ts";

/** How to run a file's statements. */
export interface StatementOptions {
  /** Whether row values may be shown. */
  readonly local: boolean;
  /** Cancels the running statement on the server. */
  readonly signal?: AbortSignal;
}

/** Runs the statements of a file one by one, so that a failure has a line even where the server gives no position.
 *
 * Errors: TaskError (exit 1) with the server's error as its cause; the signal's reason when it was aborted.
 */
export async function runStatements(sql: Sql, migration: Migration, options: StatementOptions): Promise<void> {
  const { signal } = options;
  for (const statement of migration.statements) {
    signal?.throwIfAborted();
    try {
      await cancelledBy(sql.unsafe(migration.text.slice(statement.start, statement.end)), signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw applyError(migration, error, { ...options, statement });
    }
  }
}
