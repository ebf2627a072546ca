import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parseQueries } from "./queries.ts";
import { readDatasets } from "../dataset/datasets.ts";

const FOLDER = new URL("../../../analytics/engines/", import.meta.url);

/** Types of the engines whose files name columns, where they are called otherwise than DuckDB's. */
const TYPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  athena: {
    VARCHAR: "string",
    INTEGER: "int",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
  },
  trino: {
    "TIMESTAMP WITH TIME ZONE": "timestamp(3)",
  },
};

/** Files of the folder, and how each makes the table or view of a dataset. */
const FORMS: Readonly<Record<string, RegExp>> = {
  "athena.delta.sql":
    /^create external table prod_(\w+)\nlocation 's3:\/\/bucket\/prefix\/prod\/\1\/'\n[^;]*;\n\ncreate or replace view \1 as\nselect 'prod' as lane, \* from prod_\1;/gm,
  "athena.directory.sql": /^create external table (\w+) \(\n/gm,
  "clickhouse.delta.sql":
    /^create or replace view (\w+) as\nselect 'prod' as lane, \* from deltaLake\(lake, filename = 'prod\/\1\/'\);/gm,
  "clickhouse.directory.sql": /^create or replace view (\w+) as\nselect\n/gm,
  "duckdb.delta.sql":
    /^create or replace view (\w+) as\nselect \* from delta_scan\('s3:\/\/bucket\/prefix\/prod\/\1'\);/gm,
  "duckdb.list.sql": /^create or replace temporary view (\w+) as\nselect \* from read_parquet\(getvariable\('\1'\), /gm,
  "spark.delta.sql":
    /^create or replace temporary view (\w+) as\nselect 'prod' as lane, \* from delta\.`s3a:\/\/bucket\/prefix\/prod\/\1`;/gm,
  "spark.directory.sql": /^create or replace temporary view (\w+) as\n/gm,
  "trino.delta.sql":
    /, table_name => 'prod_(\w+)', table_location => 's3:\/\/bucket\/prefix\/prod\/\1'\n\);\n\ncreate or replace view delta\.lake\.\1 as\nselect 'prod' as lane, \* from delta\.lake\.prod_\1;/gm,
  "trino.directory.sql":
    /^create table hive\.lake\.prod_(\w+) \(\n[^]*?^call .*\('lake', 'prod_\1', 'FULL'\);\n\ncreate or replace view hive\.lake\.\1 as\nselect 'prod' as lane, \* from hive\.lake\.prod_\1;/gm,
};

const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));

Deno.test("analytics/engines has every dataset for every engine, over Delta tables and over a directory", async () => {
  const entries = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);
  const files = entries.filter((name) => name.endsWith(".sql"));
  assert.deepEqual(files.sort(), Object.keys(FORMS));
  const datasets = (await readDatasets()).map(({ name }) => name);
  for (const [name, form] of Object.entries(FORMS)) {
    const made = [...(await read(name)).matchAll(form)].map(([, dataset]) => dataset);
    assert.deepEqual(made.sort(), datasets, name);
  }
});

Deno.test("analytics/catalog.sql has every dataset for DuckDB over a directory", async () => {
  const catalog = await Deno.readTextFile(new URL("../catalog.sql", FOLDER));
  const made = [...catalog.matchAll(/^-- dataset: (\w+)\n/gm)].map(([, dataset]) => dataset);
  assert.deepEqual(made.sort(), (await readDatasets()).map(({ name }) => name));
});

Deno.test("analytics/engines names the columns and types of every dataset's files in their order, or none", async () => {
  for (const file of Object.keys(FORMS)) {
    const types = file.endsWith(".directory.sql") ? TYPES[file.split(".")[0]] : undefined;
    const text = await read(file);
    for (const { name, columns } of await readDatasets()) {
      const list = new RegExp(`table (?:hive\\.lake\\.prod_)?${name} \\(\n([^]*?)\n\\)`).exec(text)?.[1];
      const named = list?.split(",\n").map((line) => line.trim()).filter((line) => line !== "dt date");
      const wanted = types &&
        columns.map(({ name, duckdbType }) => `${name.toLowerCase()} ${types[duckdbType] ?? duckdbType.toLowerCase()}`);
      assert.deepEqual(named, wanted, `${file}: ${name}`);
    }
  }
});

/** Engines whose queries are made from analytics/queries.sql. */
const TRANSLATED = ["clickhouse", "spark", "trino"];

Deno.test("analytics/engines/*/queries.sql are made from catalog.sql and queries.sql as they are", async () => {
  for (const engine of TRANSLATED) {
    const made = await read(`${engine}/queries.sql`);
    for (const source of ["catalog.sql", "queries.sql"]) {
      const digest = createHash("sha256").update(await read(`../${source}`)).digest("hex");
      assert.ok(
        made.includes(`\n--   ${source} sha256 ${digest}\n`),
        `analytics/engines/${engine}/queries.sql is older than ${source}; make it anew: ` +
          "pip install -r analytics/engines/requirements.txt && python3 analytics/engines/translate.py",
      );
    }
  }
});

Deno.test("analytics/engines/*/queries.sql have every named query, with its description and parameters", async () => {
  const told = (text: string) =>
    parseQueries(text).map(({ name, description, params }) => ({ name, description, params }));
  for (const engine of TRANSLATED) {
    assert.deepEqual(told(await read(`${engine}/queries.sql`)), told(await read("../queries.sql")), engine);
  }
});
