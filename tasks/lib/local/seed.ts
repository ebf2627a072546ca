import { isMarked } from "./mark.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { cancelledBy, type Sql } from "../postgres/connection.ts";
import { serverErrorOf } from "../postgres/server_error.ts";
import type { ServerTarget } from "../task/target.ts";

/** How many demo rows there are, and over how many days. */
export interface SeedOptions {
  /** Rows of `checks`; the other tables follow from it. */
  readonly rows: number;
  /** Days up to 2025-09-30 that they are spread over. */
  readonly days: number;
  /** Ends it, with no rows added. */
  readonly signal?: AbortSignal;
  /** Told before each statement what it fills. */
  readonly onStep?: (step: SeedStep) => void;
}

/** One statement of many. */
export interface SeedStep {
  /** The table that it fills. */
  readonly table: string;
  /** How many rows of `checks` are there before it, of those asked for. */
  readonly rows: number;
}

const TABLES = ["users", "requests", "anonymous_usage", "checks", "usage_ledger"] as const;

/** Rows of checks in one statement: some seconds' work. */
const STEP_ROWS = 20_000;

const SEED_DIRECTORY = new URL("../../../sql/seed/", import.meta.url);

/** Adds demo rows to a migrated database, in one transaction, and tells how many were not there yet, by table in the order
 * in which the tables were filled.
 *
 * The rows are made inside Postgres from their numbers alone, so the same options make the same rows everywhere and a
 * second run adds none.
 *
 * Errors: TaskError (exit 1) when the tables are not there.
 */
export async function seedDatabase(
  sql: Sql,
  { rows, days, signal, onStep = () => {} }: SeedOptions,
): Promise<Readonly<Record<string, number>>> {
  return await onTables(() =>
    sql.begin(async (transaction) => {
      await transaction.unsafe("set local time zone 'UTC'");
      await transaction.unsafe(await readSeed("functions"));
      const counts: Record<string, number> = {};
      for (const table of TABLES) {
        const text = await readSeed(table);
        counts[table] = 0;
        for (const range of table === "checks" ? rangesOf(rows) : [[]]) {
          signal?.throwIfAborted();
          onStep({ table, rows: range.length > 0 ? range[0] - 1 : 0 });
          const statement = transaction.unsafe(text, [rows, days, ...range]);
          counts[table] += (await cancelledBy(statement, signal)).count;
        }
      }
      return counts;
    })
  );
}

/** First and last number of the rows of each statement. */
function rangesOf(rows: number): [first: number, last: number][] {
  const count = Math.ceil(rows / STEP_ROWS);
  return Array.from({ length: count }, (_, at) => [at * STEP_ROWS + 1, Math.min(rows, (at + 1) * STEP_ROWS)]);
}

/** Throws unless demo rows may be added to a server's database: it is marked, or its tables hold no rows.
 *
 * Errors: TaskError (exit 3); exit 1 when the tables are not there.
 */
export async function requireSeedable(
  sql: Sql,
  { database, label }: ServerTarget,
  { signal }: Pick<SeedOptions, "signal">,
): Promise<void> {
  if (await isMarked(sql, database)) return;
  const query = `select ${TABLES.map((table) => `exists (select from ${table})`).join(" or ")} as found`;
  const [{ found }] = await onTables(() => cancelledBy(sql.unsafe(query), signal));
  if (!found) return;
  throw new TaskError(
    `Cannot seed database "${label}": it holds rows, and no mark of db:up or db:reset; ` +
      `pass --database ${database} if demo rows may come among them`,
    EXIT.refused,
  );
}

/** Does what needs the tables, and says what to do when they are not there. */
async function onTables<T>(work: () => PromiseLike<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = serverErrorOf(error);
    if (code !== "42P01" && code !== "42703") throw error;
    throw new TaskError(`Cannot seed the database: ${message}; run deno task migrate first`, EXIT.failed, {
      cause: error,
    });
  }
}

function readSeed(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`${name}.sql`, SEED_DIRECTORY));
}
