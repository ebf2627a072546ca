import { DuckDBInstance } from "@duckdb/node-api";
import type { Dataset } from "../../tasks/lib/dataset/dataset.ts";
import { openReport } from "../../tasks/lib/task/console.ts";
import { readDataset } from "./dataset.ts";

/** Writes the CSV on standard input as zstd Parquet: to one file, or into a folder a day; prints the rows. */
async function writeCsv(target: string, { isPartitioned }: { isPartitioned: boolean }): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("set timezone = 'UTC'");
  const rows = `from ${readCsv(await readDataset())}`;
  const { rowsChanged } = await connection.run(
    isPartitioned
      ? `copy (select *, strftime(created_at, '%Y-%m-%d') as dt ${rows}) to '${target}'
         (format parquet, compression zstd, partition_by (dt))`
      : `copy (${rows}) to '${target}' (format parquet, compression zstd)`,
  );
  openReport().result(`${rowsChanged}`);
}

function readCsv({ columns }: Dataset): string {
  const types = columns.map(({ name, duckdbType }) => `'${name}': '${duckdbType}'`);
  return `read_csv('/dev/stdin', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
    allow_quoted_nulls = false, columns = {${types.join(", ")}})`;
}

if (import.meta.main) {
  await writeCsv(Deno.args[0], { isPartitioned: Deno.args[1] === "partitioned" });
}
