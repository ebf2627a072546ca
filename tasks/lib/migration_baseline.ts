import type { Database } from "./database.ts";
import { EXIT } from "./errors.ts";
import { migrateFailure } from "./migration_errors.ts";
import type { Migration } from "./migration_files.ts";
import { type MigrationRunOptions, underMigrationLock, withMigrateErrors } from "./migration_guard.ts";
import { createLedger, LEDGER, readLedger, recordMigration } from "./migration_ledger.ts";
import { foreignLedgerError } from "./migration_state.ts";
import type { Sql } from "./postgres.ts";
import { diffSchemas, formatDifferences } from "./schema.ts";
import { readSchema } from "./schema_read.ts";
import { buildSchema } from "./scratch.ts";

/** Records files as applied in a database that already has what they make.
 *
 * The schema they make is built in a scratch database and compared with the real one first.
 *
 * Errors: TaskError (exit 3) listing the differences, or when there is a ledger already; nothing is recorded then.
 */
export async function recordBaseline(
  database: Database,
  files: readonly Migration[],
  options: MigrationRunOptions,
): Promise<void> {
  const { sql, label } = database;
  await withMigrateErrors(database, () => refuseLedger(database));
  const wanted = await buildSchema(files);
  await underMigrationLock(database, options, async () => {
    await refuseLedger(database);
    const differences = diffSchemas(wanted, await readSchema(sql));
    if (differences.length > 0) {
      const finding = `it is not what the files up to ${files.at(-1)!.name} make, nothing was recorded;`;
      throw migrateFailure(label, [finding, ...formatDifferences(differences)], EXIT.refused);
    }
    await sql.begin(async (transaction) => {
      const tx = transaction as unknown as Sql;
      await createLedger(tx);
      for (const file of files) await recordMigration(tx, file, { kind: "baseline", durationMs: 0 });
    });
  });
}

async function refuseLedger({ sql, label }: Database): Promise<void> {
  const ledger = await readLedger(sql);
  if (ledger.kind === "foreign") throw foreignLedgerError(label);
  if (ledger.kind === "none" || ledger.rows.length === 0) return;
  throw migrateFailure(
    label,
    `its ledger ${LEDGER} has rows already; leave out --baseline`,
    EXIT.refused,
  );
}
