import { DuckDBInstance } from "@duckdb/node-api";
import { openReport } from "../../tasks/lib/task/console.ts";

/** Loads a lane into a table, writes the table as one zstd Parquet file on one thread, and prints the seconds of the writing. */
async function writeTable(lane: string, target: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  await connection.run(
    `create table checks as from read_parquet('${lane}/*/*.parquet', union_by_name = true, hive_partitioning = false)`,
  );
  const start = performance.now();
  const { rowsChanged } = await connection.run(`copy checks to '${target}' (format parquet, compression zstd)`);
  openReport().result(JSON.stringify({ rows: rowsChanged, wallS: (performance.now() - start) / 1000 }));
}

if (import.meta.main) await writeTable(Deno.args[0], Deno.args[1]);
