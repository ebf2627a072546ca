import type { DatabaseSync } from "node:sqlite";
import { unreadable } from "./sqlite_error.ts";

/** Columns of the tables that are read of a harness database, empty where a table is not there. */
export type HarnessTables = Readonly<Record<"runs" | "executions" | "samples", ReadonlySet<string>>>;

/** Columns without which a table's rows cannot be told apart. */
const REQUIRED = { runs: ["run_id", "created_at"], executions: ["execution_id", "run_id", "created_at"], samples: [] };

/** Looks at the tables of a harness database.
 *
 * Errors: TaskError where `runs` is missing, and for tables that are views, virtual or without a rowid.
 */
export function readTables(db: DatabaseSync, path: string): HarnessTables {
  const columnsOf = (table: keyof typeof REQUIRED) => new Set(readColumns(db, path, table));
  const tables = { runs: columnsOf("runs"), executions: columnsOf("executions"), samples: columnsOf("samples") };
  if (tables.runs.size === 0) throw unreadable(path, "it has no table runs; name the harness's database");
  return tables;
}

function readColumns(db: DatabaseSync, path: string, table: keyof typeof REQUIRED): string[] {
  const [kind] = db.prepare("select type, wr from pragma_table_list(?) where schema = 'main'").all(table);
  if (kind === undefined) return [];
  const names = db.prepare("select name from pragma_table_info(?, 'main')").all(table).map(({ name }) => `${name}`);
  if (kind.type !== "table" || kind.wr !== 0 || names.some((name) => name.toLowerCase() === "_rowid_")) {
    throw unreadable(path, `${table} is not a plain table; it is not a harness's`);
  }
  const missing = REQUIRED[table].filter((name) => !names.includes(name));
  if (missing.length === 0) return names;
  throw unreadable(path, `table ${table} has no column ${missing.join(", ")}; it is not a harness's`);
}

/** Whether the samples of a run are found by an index. */
export function hasRunIndex(db: DatabaseSync): boolean {
  const sql = `select 1 from pragma_index_list('samples', 'main') as list, pragma_index_xinfo(list.name, 'main') as part
    where part.seqno = 0 and part.name = 'run_id' and part.coll = 'BINARY' and list.partial = 0`;
  return db.prepare(sql).get() !== undefined;
}

/** A select list of columns in their order, NULL for those that a table lacks. */
export function selectList(columns: readonly string[], there: ReadonlySet<string>, table: string): string {
  return columns.map((name) => `${there.has(name) ? `${table}."${name}"` : "null"} as "${name}"`).join(", ");
}
