import type { Database } from "../postgres/database.ts";
import { runAndRecord, withApplyErrors } from "./apply.ts";
import type { Migration } from "./files.ts";
import { type MigrateOptions } from "./run.ts";
import { underMigrationLock } from "./guard.ts";
import { withLockHolders } from "./retry.ts";
import { prepareSession } from "./session.ts";
import { readSafePlan } from "./state.ts";
import { tellWarnings } from "./warnings.ts";
import type { Sql } from "../postgres/connection.ts";

/** What a rehearsal ran and what it left out. */
export interface Rehearsal {
  /** Files that ran, and were rolled back. */
  readonly rehearsed: readonly Migration[];
  /** Files that cannot run in a transaction. */
  readonly skipped: readonly Migration[];
  /** What the server warned of, the file named in each. */
  readonly warnings: readonly string[];
}

/** A rehearsal holds the locks of all its files to its end: it waits less long for one than a run may. */
const LOCK_TIMEOUT_MS = { least: 100, most: 5000 };

/** Runs the pending files in one transaction and rolls it back; tells which ran.
 *
 * Errors: TaskError as `migrate` throws them.
 */
export async function rehearse(
  database: Database,
  files: readonly Migration[],
  options: MigrateOptions,
): Promise<Rehearsal> {
  const { report: { note } } = options;
  return await underMigrationLock(database, options, async () => {
    const { pending } = await readSafePlan(database, files, options);
    const skipped = pending.filter(({ transaction }) => !transaction);
    const rehearsed = pending.filter(({ transaction }) => transaction);
    for (const { name } of skipped) note(`Not rehearsed: ${name} runs without a transaction`);
    return { rehearsed, skipped, warnings: await runAndRollBack(database, rehearsed, options) };
  });
}

/** Runs files and rolls them back; gives their warnings. */
async function runAndRollBack(
  { sql, local }: Database,
  migrations: readonly Migration[],
  { report: { note, warn }, waitMs = 0, signal }: MigrateOptions,
): Promise<readonly string[]> {
  const lockTimeoutMs = Math.min(Math.max(waitMs, LOCK_TIMEOUT_MS.least), LOCK_TIMEOUT_MS.most);
  const rollBack = new Error("rehearsed");
  const warnings: string[] = [];
  let current = migrations[0];
  await sql.begin("isolation level read committed read write", async (transaction) => {
    const tx = transaction as unknown as Sql;
    for (const migration of migrations) {
      current = migration;
      const body = () =>
        withApplyErrors(migration, { local, signal }, async () => {
          await prepareSession(tx, { lockTimeoutMs });
          await runAndRecord(tx, migration, { local, signal });
        });
      warnings.push(...(await tellWarnings(sql, migration, { warn, body })).warnings);
      note(`Rehearsed ${migration.name}`);
    }
    throw rollBack;
  }).catch(async (error) => {
    if (error !== rollBack) throw await withLockHolders(sql, current, error);
  });
  return warnings;
}
