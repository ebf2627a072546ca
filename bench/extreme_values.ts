import { DuckDBInstance } from "@duckdb/node-api";
import type { Column } from "../tasks/lib/dataset/dataset.ts";
import type { Server } from "./server.ts";

/** One value as text, read in Postgres or in a file. */
export interface Value {
  /** Exact, in one form for both but for doubles; undefined for NULL. */
  readonly exact?: string;
  /** As it is shown. */
  readonly shown: string;
  /** Its type in DuckDB's words. */
  readonly type: string;
}

/** The value of each row of `checks` in the column that is its own, by run_id 0, 1 and so on. */
export async function readTableValues(server: Server, columns: readonly Column[]): Promise<Value[]> {
  const selects = columns.map(({ name, layout }, row) => {
    const exact = layout === "timestamp" ? `trunc(extract(epoch from ${name}) * 1000000)` : name;
    return `select ${row} as row, (${exact})::text as exact, ${name}::text as shown from checks where run_id = '${row}'`;
  });
  const rows = await server.query(`${selects.join(" union all ")} order by row`);
  return rows.map(({ exact, shown }, row) => toValue(exact, shown, columns[row].duckdbType));
}

/** The same of a writer's files, whatever they are called and which types they have; read by native DuckDB. */
export async function readFileValues(directory: string, columns: readonly Column[]): Promise<Value[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const ask = async (values: string, where: string) => {
    const from = `from read_parquet('${directory}/**/*.parquet', hive_partitioning = false)`;
    return (await connection.runAndReadAll(`select ${values} ${from} ${where} limit 1`)).getRows()[0];
  };
  await connection.run("set timezone = 'UTC'");
  const values: Value[] = [];
  for (const [row, { name }] of columns.entries()) {
    const [type] = await ask(`typeof(${name})`, "");
    const isTime = String(type).startsWith("TIMESTAMP");
    const exact = isTime ? `if(isfinite(${name}), epoch_us(${name})::varchar, ${name}::varchar)` : `${name}::varchar`;
    const found = await ask(`${exact}, ${name}::varchar`, `where run_id = '${row}'`);
    const [exactText, shown] = found ?? ["no row", "no row"];
    values.push(toValue(exactText, shown, String(type)));
  }
  connection.closeSync();
  return values;
}

function toValue(exact: unknown, shown: unknown, type: string): Value {
  return { exact: exact === null ? undefined : String(exact), shown: shown === null ? "NULL" : String(shown), type };
}
