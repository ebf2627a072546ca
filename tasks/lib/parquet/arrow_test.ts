import assert from "node:assert/strict";
import { columnsOf, concat, tupleOf } from "../../../tests/support/columns.ts";
import { FIELD_SAMPLES } from "../../../tests/support/field_samples.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { arrowStream } from "./arrow.ts";
import { createBuffer } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { openDuckDb } from "./duckdb.ts";

const COLUMNS = columnsOf(Object.fromEntries(Object.keys(FIELD_SAMPLES).map((type) => [type, type])));
const CREATE = `create or replace table t (${COLUMNS.map(({ name, duckdbType }) => `"${name}" ${duckdbType}`)})`;

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

/** Rows of samples, by column name: row i has sample i of each type, NULL where there are fewer. */
function sampleRows(rows: number) {
  const at = (type: string, row: number) => FIELD_SAMPLES[type][row] ?? FIELD_SAMPLES[type][0];
  const numbers = Array.from({ length: rows }, (_, row) => row);
  return {
    block: concat(...numbers.map((row) => tupleOf(COLUMNS.map(({ name }) => at(name, row).hex)))),
    values: numbers.map((row) => Object.fromEntries(COLUMNS.map(({ name }) => [name, at(name, row).value]))),
  };
}

function insert(block: Uint8Array): void {
  const buffers = COLUMNS.map(createBuffer);
  const stream = arrowStream(buffers, decodeTuples(block, buffers, { rows: 0 }));
  db.insertArrow("t", stream.sizeBytes, stream.write);
}

async function readBack() {
  db.dropFile("t.parquet");
  db.run("copy t to 'memory/t.parquet' (format parquet, codec zstd)");
  return await readParquet(db.fileBytes("t.parquet"));
}

Deno.test("arrowStream() takes every sample through DuckDB and Parquet to the second reader unchanged", async () => {
  for (const rows of [9, 1, 8, 17]) {
    db.run(CREATE);
    const { block, values } = sampleRows(rows);
    insert(block);
    assert.deepEqual((await readBack()).rows, values, `${rows} rows`);
  }
});

Deno.test("arrowStream() leaves the validity out where nothing is NULL, and takes a column of NULLs", async () => {
  db.run(CREATE);
  const full = tupleOf(COLUMNS.map(({ name }) => FIELD_SAMPLES[name][1].hex));
  const empty = tupleOf(COLUMNS.map(() => null));
  insert(concat(full, full));
  insert(concat(empty, empty, empty));
  const valueOf = (sample: 0 | 1) =>
    Object.fromEntries(COLUMNS.map(({ name }) => [name, FIELD_SAMPLES[name][sample].value]));
  assert.deepEqual((await readBack()).rows, [...Array(2).fill(valueOf(1)), ...Array(3).fill(valueOf(0))]);
});

Deno.test("arrowStream() has the type of each column that the table has", async () => {
  db.run(CREATE);
  insert(sampleRows(2).block);
  assert.deepEqual((await readBack()).columns, [
    { name: "uuid", type: "BYTE_ARRAY UTF8" },
    { name: "text", type: "BYTE_ARRAY UTF8" },
    { name: "bigint", type: "INT64 INT_64" },
    { name: "integer", type: "INT32 INT_32" },
    { name: "double precision", type: "DOUBLE" },
    { name: "boolean", type: "BOOLEAN" },
    { name: "timestamptz", type: "INT64 TIMESTAMP_MICROS" },
    { name: "date", type: "INT32 DATE" },
    { name: "numeric(20,0)", type: "FIXED_LEN_BYTE_ARRAY(16) DECIMAL(20,0)" },
    { name: "numeric(12,6)", type: "INT64 DECIMAL(12,6)" },
  ]);
});
