import assert from "node:assert/strict";
import { join } from "node:path";
import { INSERT_ROWS } from "../tasks/lib/parquet/writer.ts";
import { type Dataset, parseDataset } from "../tasks/lib/dataset/dataset.ts";
import { openDuckDb } from "../tasks/lib/parquet/duckdb.ts";
import { literal, quote } from "../tasks/lib/parquet/quote.ts";
import { footerOf } from "../tasks/lib/parquet/footer.ts";
import { runCommand } from "./support/command.ts";
import type { TestDatabase } from "./support/database.ts";
import { createExporter } from "./support/exporter.ts";
import { readLane, readParquet } from "./support/parquet.ts";

const SELECT = "sql/export/checks.postgres.sql";

/** Of one row group that is put together from two batches. */
const ROWS = INSERT_ROWS + 1000;

/** Rows of one INSERT: a statement of all would take more memory than it is worth. */
const STATEMENT_ROWS = 200;

// Opened outside the test: the library leaves a message port open when it is first used.
const db = await openDuckDb();

/** What one would write first: every value as Postgres's text, every row an object, into DuckDB as SQL. */
async function writePlainly({ sql }: TestDatabase, { columns, select }: Dataset): Promise<Uint8Array> {
  await sql.unsafe("set timezone = 'UTC'");
  const texts = columns.map(({ name }) => `d.${quote(name)}::text`);
  const rows = await sql.unsafe(`select ${texts} from (${select}) as d order by d.created_at`);
  db.run(`create table plain (${columns.map(({ name, duckdbType }) => `${quote(name)} ${duckdbType}`)})`);
  const toValue = (text: string | null) => text === null ? "null" : literal(text);
  const toTuple = (row: typeof rows[number]) => `(${columns.map(({ name }) => toValue(row[name]))})`;
  for (let from = 0; from < rows.length; from += STATEMENT_ROWS) {
    db.run(`insert into plain values ${rows.slice(from, from + STATEMENT_ROWS).map(toTuple)}`);
  }
  db.run("copy plain to 'memory/plain.parquet' (format parquet, codec zstd, row_group_size 1000000000)");
  return db.fileBytes("plain.parquet");
}

Deno.test("export writes the very bytes of a plain path that makes an object of every row", async () => {
  await using exporter = await createExporter();
  const env = { DATABASE_URL: exporter.database.url };
  const seeded = await runCommand("db:seed", ["--rows", `${ROWS}`, "--days", "1"], { env });
  assert.equal(seeded.code, 0, seeded.stderr);
  const exported = await exporter.export();
  assert.equal(exported.code, 0, exported.stderr);
  const plain = await writePlainly(exporter.database, parseDataset("checks", SELECT, await Deno.readTextFile(SELECT)));
  const [{ path, rows }, ...others] = await readLane(exporter.lane);
  assert.equal(others.length, 0);
  assert.equal(rows.length, ROWS);
  assert.deepEqual(rows, (await readParquet(plain)).rows);
  const groupOf = (file: Uint8Array) => {
    const [{ start, end }] = footerOf(file).groups;
    return file.slice(start, end);
  };
  assert.deepEqual(groupOf(await Deno.readFile(join(exporter.lane, path))), groupOf(plain));
});
