import { DuckDBInstance } from "@duckdb/node-api";
import type { Dataset } from "../../tasks/lib/dataset/dataset.ts";
import { openReport } from "../../tasks/lib/task/console.ts";
import { readDataset } from "./dataset.ts";

/** Writes the CSV on standard input as zstd Parquet into a folder a day; prints the rows. */
async function writeCsv(target: string): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("set timezone = 'UTC'");
  const { rowsChanged } = await connection.run(
    `copy (select *, strftime(created_at, '%Y-%m-%d') as dt from ${readCsv(await readDataset())}) to '${target}'
     (format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)`,
  );
  openReport().result(`${rowsChanged}`);
}

function readCsv({ columns }: Dataset): string {
  const types = columns.map(({ name, duckdbType }) => `'${name}': '${duckdbType}'`);
  return `read_csv('/dev/stdin', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
    allow_quoted_nulls = false, columns = {${types.join(", ")}})`;
}

if (import.meta.main) await writeCsv(Deno.args[0]);
