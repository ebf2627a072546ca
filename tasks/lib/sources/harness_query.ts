import { Buffer } from "node:buffer";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { sha256 } from "../task/digest.ts";
import { COST_COLUMNS, EXECUTION_COLUMNS, NO_DAY, SECONDS, SHARED_COLUMNS } from "./harness_columns.ts";
import { toReadError } from "./sqlite_error.ts";

/** A value as SQLite gives it: integers as bigint. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

/** Rows of consecutive seconds, from `since` up to before `until`; the rows that are in no day where it is "odd". */
export type Slice = { readonly since: bigint; readonly until: bigint } | "odd";

/** The rows of a copy. */
export interface HarnessCopy extends Disposable {
  /** Absolute path of the file that was copied. */
  readonly path: string;
  /** Names of a query's columns. */
  columns(sql: string): string[];
  /** The slices of a range of seconds, in ascending order, each of few rows. */
  slices(since: bigint, until: bigint): Slice[];
  /** Rows of a query as arrays; the views harness_runs and harness_executions have the rows of a slice. */
  rows(sql: string, slice?: Slice): SqliteValue[][];
}

/** Every row that is in a day. */
const WHOLE: Slice = { since: SECONDS.first, until: SECONDS.end };

/** Opens a copy of the file at `path`; several threads can read one. */
export function openCopy(path: string, scratch: string): HarnessCopy {
  const db = new DatabaseSync(scratch, { readOnly: true });
  db.function("sha256", { deterministic: true }, createHasher());
  db.function("exact_seed", { deterministic: true }, seedOf);
  createViews(db);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string) => statements.getOrInsertComputed(sql, () => prepareArrays(db, sql));
  const starts = prepare("select since from main.slices order by since").all().flat() as unknown as bigint[];
  const setSlice = db.prepare("update temp.slice set since = ?, until = ?");
  return {
    path,
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
    [Symbol.dispose]: () => db.close(),
  };
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

/** Digests that are remembered: claims are asked again and again. */
const MAX_DIGESTS = 4096;

/** Bytes of a text whose digest is remembered. */
const MAX_REMEMBERED_BYTES = 1024;

function createHasher(): (bytes: unknown) => string | null {
  const digests = new Map<string, string>();
  return (bytes) => {
    if (!(bytes instanceof Uint8Array)) return null;
    if (bytes.length > MAX_REMEMBERED_BYTES) return sha256(bytes);
    if (digests.size >= MAX_DIGESTS) digests.clear();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    return digests.getOrInsertComputed(text, () => sha256(bytes));
  };
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
