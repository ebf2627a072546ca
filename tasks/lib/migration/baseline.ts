import type { Database } from "../postgres/database.ts";
import { EXIT } from "../task/errors.ts";
import { adviseBaseline } from "./adoption.ts";
import { migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { type MigrationRunOptions, underMigrationLock, withMigrateErrors } from "./guard.ts";
import { createLedger, LEDGER, readLedger, recordMigration } from "./ledger.ts";
import { foreignLedgerError, unreadableLedgerError } from "./state.ts";
import type { Sql } from "../postgres/connection.ts";
import { formatDifferences } from "../schema/schema.ts";
import { readActualSchema } from "../schema/read.ts";
import { compareWithState, type SchemaStates } from "../schema/states.ts";

/** Options of `recordBaseline`. */
export interface BaselineOptions extends MigrationRunOptions {
  /** The last file whose work is there. */
  readonly version: number;
  /** Builds what the files make. */
  readonly build: (files: readonly Migration[]) => Promise<SchemaStates>;
}

/** What a baseline has recorded. */
export interface Baseline {
  /** The files that count as applied now. */
  readonly adopted: readonly Migration[];
  /** What the database has beside what they make; one line each. */
  readonly notes: readonly string[];
}

/** Records files as applied in a database that already has what they make.
 *
 * The schema they make is built and compared with the real one first.
 *
 * Errors: TaskError (exit 3) listing the differences, or when there is a ledger already; nothing is recorded then.
 */
export async function recordBaseline(
  database: Database,
  files: readonly Migration[],
  { version, build, ...options }: BaselineOptions,
): Promise<Baseline> {
  const { sql, label } = database;
  await withMigrateErrors(database, () => refuseLedger(database));
  const states = await build(files);
  const adopted = files.slice(0, version);
  return await underMigrationLock(database, options, async () => {
    // Another runner may have been faster.
    await refuseLedger(database);
    const actual = await readActualSchema(sql);
    const { differences, notes } = compareWithState(states, version, actual);
    if (differences.length > 0) {
      const finding = `it is not what the files up to ${adopted.at(-1)!.name} make, nothing was recorded; ` +
        adviseBaseline(states, actual);
      throw migrateFailure(label, [finding, ...formatDifferences(differences)], EXIT.refused);
    }
    await sql.begin("read write", async (transaction) => {
      const tx = transaction as unknown as Sql;
      await createLedger(tx);
      for (const file of adopted) await recordMigration(tx, file, { kind: "baseline", durationMs: 0 });
    });
    return { adopted, notes };
  });
}

async function refuseLedger({ sql, label }: Database): Promise<void> {
  const ledger = await readLedger(sql);
  if (ledger.kind === "foreign") throw foreignLedgerError(label);
  if (ledger.kind === "unreadable") throw unreadableLedgerError(label, ledger);
  if (ledger.kind === "none" || ledger.rows.length === 0) return;
  throw migrateFailure(
    label,
    `its ledger ${LEDGER} has rows already; leave out --baseline`,
    EXIT.refused,
  );
}
