import { EXIT } from "../task/errors.ts";
import { fileFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import type { Run } from "./session.ts";
import type { Sql } from "../postgres/connection.ts";
import { nameLockHolders } from "../postgres/lock_holders.ts";
import { serverErrorOf } from "../postgres/server_error.ts";
import { sleep } from "../task/sleep.ts";

const LOCK_TIMEOUT = "55P03";

/** Lock timeout, deadlock, serialization failure: nothing of the file is left, and the next attempt may do better. */
const RETRIED = new Set([LOCK_TIMEOUT, "40P01", "40001"]);

/** A statement that waits for a table's lock makes everybody behind it wait too. */
const MAX_LOCK_TIMEOUT_MS = 5000;
const MIN_LOCK_TIMEOUT_MS = 100;

/** What `attempt` returns, tried again from its start while only a lock stands in its way and time is left.
 *
 * Errors: what `attempt` throws; TaskError (exit 5) naming the sessions with locks when a lock was not had in time.
 */
export async function retryMigration<T>(
  { sql, report, waitMs = 0, signal }: Run,
  migration: Migration,
  attempt: (lockTimeoutMs: number) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + waitMs;
  for (let pauseMs = 100;; pauseMs = Math.min(pauseMs * 2, 2000)) {
    const halfMs = Math.max((deadline - performance.now()) / 2, MIN_LOCK_TIMEOUT_MS);
    try {
      return await attempt(Math.min(halfMs, MAX_LOCK_TIMEOUT_MS));
    } catch (error) {
      const code = causeOf(error);
      if (!RETRIED.has(code)) throw error;
      if (performance.now() >= deadline) throw await withLockHolders(sql, migration, error);
      report.note(`Trying ${migration.name} again: ${REASONS[code]}`);
      // Two runners that met once shall not meet again.
      await sleep(pauseMs * (0.5 + Math.random()), signal);
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  "55P03": "another session has locked a table",
  "40P01": "it met another session in a deadlock",
  "40001": "another session changed the same rows",
};

function causeOf(error: unknown): string {
  return serverErrorOf((error as Error).cause ?? {}).code;
}

/** The error of a file; where a lock was not had in time, a TaskError (exit 5) that names the sessions with locks. */
export async function withLockHolders(sql: Sql, migration: Migration, cause: unknown): Promise<unknown> {
  if (causeOf(cause) !== LOCK_TIMEOUT) return cause;
  const finding = `a table it changes is locked by ${await nameLockHolders(sql)}, rolled back`;
  const remedy = "wait for these sessions to end, or raise --wait,";
  return fileFailure(migration, `${finding}; ${remedy}`, { cause, exitCode: EXIT.locked });
}
