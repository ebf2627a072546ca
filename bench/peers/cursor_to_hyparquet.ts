import { zstdCompressSync } from "node:zlib";
// @ts-types="@types/pg"
import pg from "pg";
// @ts-types="@types/pg-cursor"
import Cursor from "pg-cursor";
import { type ColumnSource, fileWriter, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import type { Layout } from "../../tasks/lib/dataset/dataset.ts";
import { openReport } from "../../tasks/lib/task/console.ts";
import { orderedSelect, readDataset } from "./dataset.ts";

/** Parquet types of what node-postgres gives; it has no exact form for microseconds and decimals. */
const TYPES: Readonly<Record<Layout, ColumnSource["type"]>> = {
  text: "STRING",
  uuid: "STRING",
  int64: "INT64",
  int32: "INT32",
  float64: "DOUBLE",
  bool: "BOOLEAN",
  decimal: "STRING",
  timestamp: "TIMESTAMP",
  date: "STRING",
};

/** Rows that the cursor fetches at once. */
const BATCH_ROWS = 5_000;

/** Rows of one row group. */
const GROUP_ROWS = 50_000;

/** Writes the dataset to one zstd Parquet file, row by row through a cursor; prints the rows. */
async function writeCursor(url: string, target: string): Promise<void> {
  const dataset = await readDataset();
  const toColumns = (): ColumnSource[] =>
    dataset.columns.map(({ name, layout }) => ({ name, type: TYPES[layout], data: [] }));
  const isBigint = dataset.columns.map(({ layout }) => layout === "int64");
  const schema = schemaFromColumnData({ columnData: toColumns() });
  const writer = new ParquetWriter({
    writer: fileWriter(target),
    schema,
    codec: "ZSTD",
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
  });
  const client = new pg.Client(url);
  await client.connect();
  const cursor = client.query(new Cursor<unknown[]>(orderedSelect(dataset), [], { rowMode: "array" }));
  let [total, columnData] = [0, toColumns()];
  for (
    let rows = await cursor.read(BATCH_ROWS);
    rows.length > 0;
    rows = await cursor.read(BATCH_ROWS)
  ) {
    for (const row of rows) {
      for (const [index, value] of row.entries()) {
        (columnData[index].data as unknown[]).push(isBigint[index] && value !== null ? BigInt(value as string) : value);
      }
    }
    total += rows.length;
    if (total % GROUP_ROWS > 0) continue;
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    columnData = toColumns();
  }
  if (total % GROUP_ROWS > 0) {
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
  }
  await writer.finish();
  await client.end();
  openReport().result(`${total}`);
}

if (import.meta.main) await writeCursor(Deno.args[0], `${Deno.args[1]}/checks.parquet`);
