import { migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { createLedger, LEDGER, readOwnRows, recordMigration } from "./ledger.ts";
import { underMigrationLock } from "./lock.ts";
import type { RunOptions } from "./session.ts";
import { withTransaction } from "../postgres/connection.ts";
import type { Database } from "../postgres/database.ts";
import { readActualSchema } from "../schema/read.ts";
import { type ActualSchema, formatDifferences } from "../schema/schema.ts";
import { buildSchemas } from "../schema/scratch.ts";
import { compareWithState, findState, type SchemaStates } from "../schema/states.ts";

/** Options of `recordBaseline`: the last file whose work is there, and what builds what the files make. */
export type BaselineOptions = RunOptions & {
  readonly version: number;
  readonly build?: (files: readonly Migration[]) => Promise<SchemaStates>;
};

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
  { version, build = buildSchemas, ...options }: BaselineOptions,
): Promise<Baseline> {
  const { sql, label } = database;
  await refuseLedger(database);
  const states = await build(files);
  const adopted = files.slice(0, version);
  return await underMigrationLock({ ...database, ...options }, async () => {
    // Another runner may have been faster.
    await refuseLedger(database);
    const actual = await readActualSchema(sql);
    const { differences, notes } = compareWithState(states, version, actual);
    if (differences.length > 0) {
      const finding = `it is not what the files up to ${adopted.at(-1)!.name} make, nothing was recorded; ` +
        adviseBaseline(states, actual);
      throw migrateFailure(label, [finding, ...formatDifferences(differences)]);
    }
    await withTransaction(sql, "read write", async (tx) => {
      await createLedger(tx);
      for (const file of adopted) await recordMigration(tx, file, { kind: "baseline", durationMs: 0 });
    });
    return { adopted, notes };
  });
}

async function refuseLedger(database: Database): Promise<void> {
  if ((await readOwnRows(database)).length === 0) return;
  throw migrateFailure(database.label, `its ledger ${LEDGER} has rows already; leave out --baseline`);
}

/** Table in which Alembic, the tool of the backend, keeps its own revision. */
export const ALEMBIC_TABLE = "alembic_version";

/** What to do about a database that Alembic made and that is not adopted. */
export function describeAlembic(states: SchemaStates, actual: ActualSchema): string {
  return `Alembic made it, and it has no ledger of these files in ${LEDGER}; ${adviseBaseline(states, actual)}`;
}

/** Which --baseline adopts a database. */
function adviseBaseline(states: SchemaStates, actual: ActualSchema): string {
  const version = findState(states, actual);
  return version === undefined
    ? "it looks like no N: correct what --baseline N lists, and adopt it then"
    : `it looks like N = ${version}, adopt it with --baseline ${version}`;
}
