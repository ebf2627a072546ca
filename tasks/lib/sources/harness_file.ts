import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Day } from "../dataset/day.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { COST_COLUMNS, EXECUTION_COLUMNS, NO_DAY, SECONDS, SHARED_COLUMNS } from "./harness_columns.ts";
import type { CopyRequest } from "./harness_messages.ts";
import { copyOnThread, type ThreadOptions } from "./harness_thread.ts";
import { toReadError } from "./sqlite_error.ts";
import { sha256 } from "../task/digest.ts";

/** A value as SQLite gives it: integers as bigint. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

/** Rows of consecutive seconds, from `since` up to before `until`; the rows that are in no day where it is "odd". */
export type Slice = { readonly since: bigint; readonly until: bigint } | "odd";

/** What was wanted of one state of a harness database, in a copy that goes when it is disposed. */
export interface HarnessDatabase extends Disposable {
  /** Absolute path of the file. */
  readonly path: string;
  /** By UTC day of created_at, a digest of the keys of the rows that the file has of it: ids of executions, run_id and
   * created_at of runs to which none belongs. Every one of them is in the copy, unless its day was not wanted. */
  readonly keys: ReadonlyMap<Day, string>;
  /** Names of a query's columns. */
  columns(sql: string): string[];
  /** The slices of a range of seconds, in ascending order, each of few rows. */
  slices(since: bigint, until: bigint): Slice[];
  /** Rows of a query as arrays; the views harness_runs and harness_executions have the rows of a slice. */
  rows(sql: string, slice?: Slice): SqliteValue[][];
}

/** Every row that is in a day. */
const WHOLE: Slice = { since: SECONDS.first, until: SECONDS.end };

/** Copies what is wanted of a harness database, without making its writers wait, to a file that is made with mode 0600, and
 * opens the copy.
 *
 * Errors: TaskError naming the file when it is missing, no SQLite database, damaged, locked, or without a table `runs`;
 * the signal's reason.
 */
export async function openHarness(
  path: string,
  options: Omit<CopyRequest, "path"> & ThreadOptions,
): Promise<HarnessDatabase> {
  const { scratch, range, run } = options;
  const real = realPath(path);
  createScratch(scratch);
  try {
    const keys = await copyOnThread({ path, scratch, range, run }, options);
    return openCopy(real, scratch, keys);
  } catch (error) {
    Deno.removeSync(scratch);
    throw error;
  }
}

function realPath(path: string): string {
  try {
    const real = Deno.realPathSync(path);
    if (Deno.statSync(real).isFile) return real;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw toReadError(path, error);
    throw new TaskError(
      `Cannot read SQLite file "${path}": it does not exist; name it with --sqlite or HERETIX_DB_PATH`,
    );
  }
  throw new TaskError(`Cannot read SQLite file "${path}": it is not a file; name the harness's database`);
}

function createScratch(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; make its directory writable`);
  }
}

function openCopy(path: string, scratch: string, keys: ReadonlyMap<Day, string>): HarnessDatabase {
  const db = new DatabaseSync(scratch, { readOnly: true });
  db.function("sha256", { deterministic: true }, (bytes) => bytes === null ? null : sha256(bytes as Uint8Array));
  db.function("exact_seed", { deterministic: true }, seedOf);
  createViews(db);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string) => statements.getOrInsertComputed(sql, () => prepareArrays(db, sql));
  const starts = prepare("select since from main.slices order by since").all().flat() as unknown as bigint[];
  const setSlice = db.prepare("update temp.slice set since = ?, until = ?");
  return {
    path,
    keys,
    columns: (sql) => prepare(sql).columns().map(({ name }) => name),
    slices: (since, until) => toSlices(since, until, starts.filter((start) => start > since && start < until)),
    rows(sql, slice = WHOLE) {
      if (slice === "odd") setSlice.run(null, null);
      else setSlice.run(slice.since, slice.until);
      try {
        // Statements are not iterated: that would end without a word where SQLite reports an error.
        return prepare(sql).all() as unknown as SqliteValue[][];
      } catch (error) {
        throw toReadError(path, error);
      }
    },
    [Symbol.dispose]() {
      db.close();
      removeScratch(scratch);
    },
  };
}

/** An export that has failed has removed all unfinished files of its lane by now. */
function removeScratch(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function prepareArrays(db: DatabaseSync, sql: string): StatementSync {
  // The declarations lag behind the runtime.
  const statement = db.prepare(sql) as StatementSync & { setReturnArrays(on: boolean): void };
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement;
}

/** The views that checks.sqlite.sql reads, with every column that the harness has had. */
function createViews(db: DatabaseSync): void {
  const view = (name: string, table: string, columns: readonly string[]) => {
    const rows = `select ${columns.map((column) => `"${column}"`).join(", ")} from main.${table}`;
    const inSlice = "created_at >= (select since from temp.slice) and created_at < (select until from temp.slice)";
    db.exec(`create temp view ${name} as
      ${rows} where ${inSlice} and not ${NO_DAY}
      union all ${rows} where (select since is null from temp.slice) and ${NO_DAY}`);
  };
  db.exec("create temp table slice (since, until); insert into temp.slice values (null, null)");
  view("harness_runs", "copy_runs", SHARED_COLUMNS);
  view("harness_executions", "copy_executions", EXECUTION_COLUMNS);
  db.exec(`
    create temp view harness_run_costs as select ${COST_COLUMNS.join(", ")} from main.copy_costs;
    create temp view harness_samples as select run_id, provider_model_id from main.copy_samples`);
}

/** The slices that a range of seconds is cut into by the first seconds of the copy's slices. */
function toSlices(since: bigint, until: bigint, starts: readonly bigint[]): Slice[] {
  const bounds = [since, ...starts, until];
  return bounds.slice(1).map((end, index) => ({ since: bounds[index], until: end }));
}

/** The configured seed's digits, where the JSON has an unsigned integer there; a number would round them. */
function seedOf(configJson: unknown): string | null {
  if (typeof configJson !== "string") return null;
  let seed: string | null = null;
  try {
    const top = JSON.parse(configJson, function (this: unknown, key, value, context?: { source: string }) {
      return key === "seed" && typeof value === "number" ? { digits: context?.source } : value;
    });
    seed = top?.seed?.digits ?? null;
  } catch {
    return null;
  }
  return seed !== null && /^\d{1,20}$/.test(seed) ? seed : null;
}
