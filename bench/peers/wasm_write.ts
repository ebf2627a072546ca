import { openDuckDb } from "../../tasks/lib/parquet/duckdb.ts";
import { literal } from "../../tasks/lib/parquet/quote.ts";
import { openReport } from "../../tasks/lib/task/console.ts";

/** Loads each part of a lane into a table, writes the table as a zstd Parquet file in memory, and prints the seconds of the writing. */
async function writeTables(lane: string): Promise<void> {
  using db = await openDuckDb();
  let [rows, wallMs] = [0, 0];
  for (const day of Deno.readDirSync(lane)) {
    if (!day.isDirectory) continue;
    for (const part of Deno.readDirSync(`${lane}/${day.name}`)) {
      db.run(`create or replace table checks as from read_parquet(${literal(`${lane}/${day.name}/${part.name}`)})`);
      rows += Number(db.one("select count(*) from checks")[0]);
      const start = performance.now();
      db.run("copy checks to 'memory/checks.parquet' (format parquet, codec zstd, row_group_size 1000000)");
      wallMs += performance.now() - start;
      db.dropFile("checks.parquet");
    }
  }
  openReport().result(JSON.stringify({ rows, wallS: wallMs / 1000 }));
}

if (import.meta.main) await writeTables(Deno.args[0]);
