import { EXIT, TaskError } from "../task/errors.ts";
import type { Migration } from "./files.ts";
import {
  type ConcurrentIndex,
  dropUnfinishedIndex,
  isSameIndex,
  listInvalidIndexes,
  parseConcurrentIndex,
  readIndexState,
} from "./index.ts";
import { runStatements, type StatementOptions } from "./statements.ts";
import type { Sql } from "../postgres/connection.ts";

/** How to run a file without a transaction. */
export interface AloneOptions extends StatementOptions {
  /** Takes what is worth knowing. */
  readonly note: (text: string) => void;
}

/** Runs the one statement of a file that has no transaction.
 *
 * An index whose build does not finish is dropped again: what is left of it slows every write, is used by no query, and
 * would be taken for the index by IF NOT EXISTS. One that is left from a killed run is dropped before, and one that such a
 * run has finished without recording it is taken as it is.
 *
 * Errors: TaskError (exit 1) when the statement fails or leaves an invalid index.
 */
export async function runAlone(sql: Sql, migration: Migration, options: AloneOptions): Promise<void> {
  const [{ start, end }] = migration.statements;
  const index = parseConcurrentIndex(migration.text.slice(start, end));
  if (index && await isAlreadyThere(sql, migration, { ...options, index })) return;
  const before = await listInvalidIndexes(sql);
  // It waits for every older transaction, and that counts as waiting for a lock.
  await sql.unsafe("set lock_timeout = 0");
  try {
    await runStatements(sql, migration, options);
  } catch (error) {
    if (index) await cleanUp(sql, { ...options, index });
    throw error;
  }
  const broken = (await listInvalidIndexes(sql)).filter((name) => !before.includes(name));
  if (broken.length > 0) throw invalidError(migration, broken.join(", "));
}

interface IndexOptions extends AloneOptions {
  readonly index: ConcurrentIndex;
}

/** Drops what a failed build has left, unless the session is lost or somebody is in the way for long. */
async function cleanUp(sql: Sql, { index, note }: IndexOptions): Promise<void> {
  try {
    await sql.unsafe("set lock_timeout = '2s'");
    await dropUnfinishedIndex(sql, index);
  } catch {
    note(`What there is of index "${index.name}" stays until the next run drops it`);
  }
}

async function isAlreadyThere(
  sql: Sql,
  migration: Migration,
  { index, note }: IndexOptions,
): Promise<boolean> {
  const state = await readIndexState(sql, index);
  if (state === "building") {
    throw fileError(migration, `another session is building index "${index.name}"`, "wait for it to end");
  }
  if (state === "invalid") {
    await dropUnfinishedIndex(sql, index);
    note(`Dropped the unfinished index "${index.name}" of an earlier attempt`);
  }
  if (state !== "valid") return false;
  if (!await isSameIndex(sql, index)) {
    throw fileError(migration, `there is another index "${index.name}"`, "rename or drop it");
  }
  note(`Index "${index.name}" is already there as ${migration.name} makes it`);
  return true;
}

function invalidError(migration: Migration, names: string): TaskError {
  return fileError(migration, `it left the invalid index ${names}`, "drop it, fix the file");
}

function fileError(migration: Migration, finding: string, remedy: string): TaskError {
  return new TaskError(
    `Cannot apply migration "${migration.name}": ${finding}, nothing was recorded; ${remedy} and run migrate again`,
    EXIT.failed,
  );
}
