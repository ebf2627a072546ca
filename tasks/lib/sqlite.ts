import { createHash } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EXIT, messageOf, TaskError } from "./errors.ts";

/** A value as SQLite gives it: integers as bigint. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

/** One consistent state of a harness database, until it is disposed. */
export interface HarnessDatabase extends Disposable {
  /** Absolute path of the file. */
  readonly path: string;
  /** Names of a query's columns. */
  columns(sql: string): string[];
  /** Rows of a query as arrays, one after another. */
  rows(sql: string, ...parameters: (string | bigint)[]): IterableIterator<SqliteValue[]>;
  /** How many seeds were REAL, and so have lost their digits, since it was opened. */
  readonly lostSeeds: number;
}

/** Columns that both runs and executions have. */
const SHARED = [
  "run_id",
  "created_at",
  "claim",
  "model",
  "prompt_version",
  "K",
  "R",
  "T",
  "B",
  "seed",
  "bootstrap_seed",
  "prob_true_rpl",
  "ci_lo",
  "ci_hi",
  "ci_width",
  "template_iqr_logit",
  "stability_score",
  "imbalance_ratio",
  "rpl_compliance_rate",
  "cache_hit_rate",
  "config_json",
  "sampler_json",
  "counts_by_template_json",
  "artifact_json_path",
  "prompt_char_len_max",
  "pqs",
  "gate_compliance_ok",
  "gate_stability_ok",
  "gate_precision_ok",
  "pqs_version",
];

/** The views that checks.sqlite.sql reads: name, table, columns. */
const VIEWS = [
  ["harness_runs", "runs", SHARED],
  ["harness_executions", "executions", ["execution_id", ...SHARED]],
  ["harness_run_costs", "runs", [
    "run_id",
    "created_at",
    "provider",
    "logical_model",
    "schema_version",
    "tokens_in",
    "tokens_out",
    "cost_usd",
  ]],
  ["harness_samples", "samples", ["run_id", "provider_model_id"]],
] as const;

/** Opens a harness database read-only, checks it, and holds one state of it.
 *
 * Errors: TaskError naming the file when it is missing, no SQLite database, damaged, locked, or without a table `runs`.
 */
export function openHarness(path: string): HarnessDatabase {
  const real = realPath(path);
  let lostSeeds = 0;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(real, { readOnly: true, timeout: 3000 });
    db.function("sha256", { deterministic: true }, (bytes) => bytes === null ? null : sha256(bytes as Uint8Array));
    db.function("exact_seed", { deterministic: true }, (configJson) => {
      const exact = seedOf(configJson);
      if (exact === null) lostSeeds++;
      return exact;
    });
    db.exec("begin");
    createViews(db, path);
    checkPages(db, path);
  } catch (error) {
    db?.close();
    throw readError(path, error);
  }
  const open = db;
  const prepare = (sql: string) => {
    // The declarations lag behind the runtime.
    const statement = open.prepare(sql) as StatementSync & { setReturnArrays(on: boolean): void };
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    path: real,
    columns: (sql) => prepare(sql).columns().map(({ name }) => name),
    *rows(sql, ...parameters) {
      try {
        yield* prepare(sql).iterate(...parameters) as unknown as IterableIterator<SqliteValue[]>;
      } catch (error) {
        throw readError(path, error);
      }
    },
    get lostSeeds() {
      return lostSeeds;
    },
    [Symbol.dispose]: () => open.close(),
  };
}

function realPath(path: string): string {
  try {
    const real = Deno.realPathSync(path);
    if (Deno.statSync(real).isFile) return real;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw readError(path, error);
    throw new TaskError(
      `Cannot read SQLite file "${path}": it does not exist; name it with --sqlite or HERETIX_DB_PATH`,
    );
  }
  throw new TaskError(`Cannot read SQLite file "${path}": it is not a file; name the harness's database`);
}

/** Temporary views with every column that the harness has had, so that one SELECT reads files of all ages. */
function createViews(db: DatabaseSync, path: string): void {
  for (const [view, table, columns] of VIEWS) {
    const there = new Set(db.prepare("select name from pragma_table_info(?)").all(table).map(({ name }) => name));
    const required = table === "runs"
      ? ["run_id", "created_at"]
      : table === "executions"
      ? ["execution_id", "run_id", "created_at"]
      : [];
    const missing = required.filter((name) => !there.has(name));
    if (table === "runs" && there.size === 0) {
      throw new TaskError(`Cannot read SQLite file "${path}": it has no table runs; name the harness's database`);
    }
    if (there.size > 0 && missing.length > 0) {
      throw new TaskError(
        `Cannot read SQLite file "${path}": table ${table} has no column ${missing.join(", ")}; it is not a harness's`,
      );
    }
    const list = columns.map((name) => there.has(name) ? `"${name}"` : `null as "${name}"`);
    db.exec(`create temp view ${view} as select ${list} ${there.size > 0 ? `from main.${table}` : "where false"}`);
  }
  if (!hasRunIndex(db)) indexSamples(db);
}

function hasRunIndex(db: DatabaseSync): boolean {
  const sql = `select 1 from pragma_index_list('samples') as list, pragma_index_info(list.name) as part
    where part.seqno = 0 and part.name = 'run_id'`;
  return db.prepare(sql).get() !== undefined;
}

/** Puts what is needed of the samples into a table with an index, for files without one: they are looked up by run. */
function indexSamples(db: DatabaseSync): void {
  db.exec(`
    create temp table model_ids as
      select run_id, min(provider_model_id) as provider_model_id from harness_samples group by run_id;
    create index temp.model_ids_run on model_ids (run_id, provider_model_id);
    drop view harness_samples;
    create temp view harness_samples as select run_id, provider_model_id from model_ids`);
}

/** Looks at every page of the tables that are read: a damaged page can read as rows of zeroes. */
function checkPages(db: DatabaseSync, path: string): void {
  for (const table of ["runs", "executions", "samples"]) {
    if (!db.prepare("select 1 from main.sqlite_master where type = 'table' and name = ?").get(table)) continue;
    const [finding] = db.prepare(`pragma quick_check(${table})`).all();
    if (finding.quick_check !== "ok") {
      throw new TaskError(
        `Cannot read SQLite file "${path}": it is damaged (quick_check of ${table}); recover it with sqlite3 .recover`,
      );
    }
  }
  // SQLite reads what is missing of a last page as zeroes, which may be the end of a text.
  const [{ page_size }] = db.prepare("pragma page_size").all();
  if (Deno.statSync(path).size % Number(page_size) !== 0) {
    throw new TaskError(
      `Cannot read SQLite file "${path}": it is damaged (its last page is cut); recover it with sqlite3 .recover`,
    );
  }
  const [{ encoding }] = db.prepare("pragma encoding").all();
  if (encoding !== "UTF-8") {
    throw new TaskError(`Cannot read SQLite file "${path}": its text is ${encoding}; convert it to UTF-8`);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
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

const FINDINGS: Readonly<Record<number, string>> = {
  5: "another process has locked it; run the export again when it is done",
  8: "it needs to be rolled back after a crash; open it once with sqlite3",
  10: "the disk cannot be read",
  11: "it is damaged; recover it with sqlite3 .recover",
  14: "it cannot be opened; check its permissions and those of its directory",
  26: "it is not a SQLite database; name the harness's database",
};

function readError(path: string, error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  const code = (error as { errcode?: number }).errcode;
  const finding = code === undefined ? undefined : FINDINGS[code & 0xff];
  return new TaskError(`Cannot read SQLite file "${path}": ${finding ?? messageOf(error)}`, EXIT.failed, {
    cause: error,
  });
}
