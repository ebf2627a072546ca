import { DuckDBInstance } from "@duckdb/node-api";
import { parseQueries, pickQueries } from "../../tasks/lib/analytics/queries.ts";
import { openReport } from "../../tasks/lib/task/console.ts";

const ANALYTICS = new URL("../../analytics/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, ANALYTICS));

/** Runs named queries over a lake of checks alone on one thread of native DuckDB, and prints how many rows each has. */
async function runQueries(lake: string, names: readonly string[]): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const [head, ...sections] = (await read("catalog.sql")).split(/^(?=-- dataset: )/m);
  const checks = sections.find((section) => section.startsWith("-- dataset: checks\n"))!;
  await connection.run(head + checks.replaceAll("data/exports/", `${lake}/`));
  for (const { name, sql } of pickQueries(parseQueries(await read("queries.sql")), names)) {
    const { currentRowCount } = await connection.runAndReadAll(sql);
    openReport().result(`${name} ${currentRowCount}`);
  }
}

if (import.meta.main) await runQueries(Deno.args[0], Deno.args.slice(1));
