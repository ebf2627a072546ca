import type { DatabaseSync } from "node:sqlite";
import { type Day, DAY_MICROS, startOf } from "../dataset/day.ts";
import { COST_COLUMNS, EXECUTION_COLUMNS, NO_DAY, SHARED_COLUMNS } from "./harness_columns.ts";
import { digestKeys } from "./harness_keys.ts";
import type { CopyRequest, PickDays } from "./harness_messages.ts";
import { createPager, type Pager } from "./sqlite_pages.ts";
import { unreadable } from "./sqlite_error.ts";
import { type HarnessTables, hasRunIndex, selectList } from "./sqlite_tables.ts";

/** What rows are copied from, and how. */
export interface RowCopy {
  /** The harness database, and the temporary one that rows are copied to. */
  readonly db: DatabaseSync;
  readonly tables: HarnessTables;
  readonly request: CopyRequest;
  readonly pick?: PickDays;
  /** Called between short reads: throws when the database has changed. It may change where undefined. */
  readonly expectSame?: () => void;
}

/** A table as it stands in the copy: without types, so that every value stays what it is. */
const tableOf = (name: string, columns: readonly string[]) =>
  `drop table if exists temp.${name}; create temp table ${name} (${
    columns.map((column) => `"${column}"`).join(", ")
  });`;

const placedTableOf = (name: string, columns: readonly string[]) =>
  `drop table if exists temp.${name};
  create temp table ${name} (place integer primary key, ${columns.map((column) => `"${column}"`).join(", ")});`;

const TABLES = [
  placedTableOf("run_keys", ["run_id", "created_at", "day"]),
  placedTableOf("execution_keys", ["execution_id", "run_id", "created_at", "day"]),
  placedTableOf("wanted_runs", ["run_id"]),
  placedTableOf("wanted_executions", ["run_id"]),
  placedTableOf("wanted_costs", ["run_id"]),
  placedTableOf("copy_runs", SHARED_COLUMNS),
  placedTableOf("copy_executions", EXECUTION_COLUMNS),
  placedTableOf("copy_costs", COST_COLUMNS),
  tableOf("copy_samples", ["run_id", "provider_model_id"]),
  "drop table if exists temp.sampled_runs; create temp table sampled_runs (run_id primary key);",
  "drop table if exists temp.picked_days; create temp table picked_days (day integer primary key);",
  placedTableOf("lone_runs", ["run_id", "created_at", "day"]),
].join("\n");

/** Days since 1970 of created_at, NULL where it is in no day. */
const DAY = `case when not ${NO_DAY} then (created_at - (created_at % 86400 + 86400) % 86400) / 86400 end`;

/** Copies the wanted rows to the connection's temporary database, and tells the keys by day. */
export async function copyRows(copy: RowCopy): Promise<ReadonlyMap<Day, string>> {
  const { db, request, pick, expectSame } = copy;
  const pager = createPager(db, expectSame ?? (() => {}));
  db.exec(TABLES);
  // Runs first: an execution that comes with its run, or after it, is then seen if its run is.
  readKeys(copy, pager, "runs");
  readKeys(copy, pager, "executions");
  db.exec(LONE_RUNS);
  const digest = (rows: string) => request.run === undefined ? digestKeys(db, inRange(request, rows)) : new Map();
  const keys = digest(KEYS);
  if (pick) await pickDays(copy, pick, keys);
  markWanted(copy);
  copyPlaces(copy, pager, { table: "executions", columns: EXECUTION_COLUMNS });
  copyPlaces(copy, pager, { table: "runs", columns: SHARED_COLUMNS });
  copyPlaces(copy, pager, { table: "runs", columns: COST_COLUMNS, as: "costs" });
  if (!expectSame) copyMoved(copy);
  copySamples(copy, pager);
  db.exec(INDEXES);
  return expectSame ? keys : digest(KEYS_AFTER);
}

/** The runs to which no execution belongs. */
const LONE_RUNS = `
  insert into temp.lone_runs select place, run_id, created_at, day from temp.run_keys
  where run_id is null or run_id not in (select run_id from temp.execution_keys where run_id is not null)`;

const KEYS = `
  select day, execution_id, run_id, created_at from temp.execution_keys
  union all select day, null, run_id, created_at from temp.lone_runs`;

/** Those of the rows that are copied, as they are in the copy, and of those that are not wanted. */
const KEYS_AFTER = `
  select ${DAY} as day, execution_id, run_id, created_at from temp.copy_executions
  union all select ${DAY}, null, run_id, created_at from temp.copy_runs
  union all select day, execution_id, run_id, created_at from temp.execution_keys
    where place not in (select place from temp.wanted_executions)
  union all select day, null, run_id, created_at from temp.lone_runs
    where place not in (select place from temp.wanted_runs)`;

/** Rows that are read at once: their sorting needs no disk. */
const SLICE_ROWS = 64;

/** Finds rows and slices, by the first second of each, without sorting. */
const INDEXES = `
  create index temp.copy_runs_at on copy_runs (created_at);
  create index temp.copy_executions_at on copy_executions (created_at);
  create index temp.copy_runs_odd on copy_runs (place) where ${NO_DAY};
  create index temp.copy_executions_odd on copy_executions (place) where ${NO_DAY};
  create index temp.copy_costs_run on copy_costs (run_id, created_at);
  create index temp.copy_samples_run on copy_samples (run_id, provider_model_id);
  drop table if exists temp.slices;
  create temp table slices as select distinct created_at as since from (
    select created_at, row_number() over (order by created_at) as number from (
      select created_at from temp.copy_runs where not ${NO_DAY} union all
      select created_at from temp.copy_executions where not ${NO_DAY}
    )
  ) where number % ${SLICE_ROWS} = 1`;

function readKeys({ db, tables, request, expectSame }: RowCopy, pager: Pager, table: "runs" | "executions"): void {
  if (tables[table].size === 0) return;
  const [keys, id] = table === "runs" ? ["run_keys", ""] : ["execution_keys", "execution_id, "];
  const insert = db.prepare(`
    insert into temp.${keys} select _rowid_, ${id}run_id, created_at, ${DAY}
    from main.${table} where _rowid_ between ? and ?`);
  pager.each(`main.${table}`, "_rowid_", (from, to) => insert.run(from, to));
  if (expectSame) expectAll({ db, expectSame, request }, table, keys);
}

/** Compares with the primary key's index, by which SQLite counts: a damaged page can hide rows without an error. */
function expectAll(
  { db, expectSame, request }: Pick<RowCopy, "db" | "request" | "expectSame">,
  table: string,
  keys: string,
): void {
  const sql = `select (select count(*) from main.${table}) as all_rows, (select count(*) from temp.${keys}) as found`;
  const { all_rows, found } = db.prepare(sql).get()!;
  if (all_rows === found) return;
  expectSame?.();
  throw unreadable(request.path, `it is damaged (rows of ${table} are missing); recover it with sqlite3 .recover`);
}

const numberOf = (day: Day) => startOf(day) / DAY_MICROS;

const bounds = ({ range: { since, until } }: CopyRequest) =>
  `between ${numberOf(since ?? "0001-01-01")} and ${numberOf(until ?? "9999-12-31")}`;

const inRange = (request: CopyRequest, rows: string) => `select * from (${rows}) where day ${bounds(request)}`;

async function pickDays({ db }: RowCopy, pick: PickDays, keys: ReadonlyMap<Day, string>): Promise<void> {
  const insert = db.prepare("insert or ignore into temp.picked_days values (?)");
  for (const day of await pick(keys)) insert.run(numberOf(day));
}

/** Whether a day is wanted, as SQL; rows without a day always are, so that they are named. */
function isWanted({ request, pick }: RowCopy, day: string): string {
  const picked = pick ? `and ${day} in (select day from temp.picked_days)` : "";
  return `(${day} is null or (${day} ${bounds(request)} ${picked}))`;
}

function markWanted(copy: RowCopy): void {
  const { db, request: { run } } = copy;
  const ofRun = run === undefined ? "" : "and cast(run_id as blob) = cast(? as blob)";
  const parameters = run === undefined ? [] : [run];
  for (const [into, from] of [["wanted_executions", "execution_keys"], ["wanted_runs", "lone_runs"]]) {
    db.prepare(
      `insert into temp.${into} select place, run_id from temp.${from} where ${isWanted(copy, "day")} ${ofRun}`,
    )
      .run(...parameters);
  }
  db.exec(`
    insert into temp.wanted_costs select place, run_id from temp.run_keys
      where run_id in (select run_id from temp.wanted_executions) or place in (select place from temp.wanted_runs);
    insert into temp.sampled_runs
      select run_id from temp.wanted_executions where run_id is not null
      union select run_id from temp.wanted_runs where run_id is not null`);
}

interface Part {
  readonly table: "runs" | "executions";
  readonly columns: readonly string[];
  /** Name of the part in the copy, where it is not the table's. */
  readonly as?: string;
}

function copyPlaces({ db, tables }: RowCopy, pager: Pager, { table, columns, as = table }: Part): void {
  if (tables[table].size === 0) return;
  const insert = db.prepare(`
    insert into temp.copy_${as} select wanted.place, ${selectList(columns, tables[table], "source")}
    from temp.wanted_${as} as wanted cross join main.${table} as source on source._rowid_ = wanted.place
    where wanted.place between ? and ? and source.run_id is wanted.run_id`);
  pager.each(`temp.wanted_${as}`, "place", (from, to) => insert.run(from, to));
}

/** Copies the runs that came or were replaced since their keys were read: they have another place, and may have another
 * day. */
function copyMoved(copy: RowCopy): void {
  const { db, tables: { runs } } = copy;
  const byId = "cross join main.runs as source on source.run_id = wanted.run_id";
  db.prepare(`
    insert or ignore into temp.copy_runs select source._rowid_, ${selectList(SHARED_COLUMNS, runs, "source")}
    from temp.wanted_runs as wanted ${byId}
    where wanted.place not in (select place from temp.copy_runs) and ${isWanted(copy, DAY)}`).run();
  db.prepare(`
    insert or ignore into temp.copy_costs select source._rowid_, ${selectList(COST_COLUMNS, runs, "source")}
    from (select run_id from temp.wanted_executions union select run_id from temp.copy_runs) as wanted ${byId}
    where wanted.run_id not in (select run_id from temp.copy_costs where run_id is not null)`).run();
}

function copySamples({ db, tables: { samples } }: RowCopy, pager: Pager): void {
  if (!samples.has("run_id") || !samples.has("provider_model_id")) return;
  const [table, place, from] = hasRunIndex(db)
    ? ["temp.sampled_runs", "rowid", "temp.sampled_runs as wanted cross join main.samples as s using (run_id)"]
    : ["main.samples", "_rowid_", "main.samples as s"];
  const insert = db.prepare(`
    insert into temp.copy_samples select run_id, min(provider_model_id) from (
      select s.run_id as run_id, s.provider_model_id as provider_model_id from ${from}
      where ${table === "main.samples" ? "s._rowid_" : "wanted.rowid"} between ? and ?
    ) where run_id in (select run_id from temp.sampled_runs) group by run_id`);
  pager.each(table, place, (first, last) => insert.run(first, last));
}
