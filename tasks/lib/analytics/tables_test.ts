import assert from "node:assert/strict";
import { readDatasets } from "../dataset/datasets.ts";

const ATHENA: Readonly<Record<string, string>> = {
  VARCHAR: "string",
  BIGINT: "bigint",
  INTEGER: "int",
  DOUBLE: "double",
  BOOLEAN: "boolean",
  "TIMESTAMP WITH TIME ZONE": "timestamp",
};

const read = (engine: string) => Deno.readTextFile(new URL(`../../../analytics/tables/${engine}.sql`, import.meta.url));

Deno.test("analytics/tables/athena.sql has the columns and types of every dataset's files, in their order", async () => {
  const text = await read("athena");
  for (const { name, columns } of await readDatasets()) {
    const wanted = columns.map(({ name, duckdbType }) =>
      `${name.toLowerCase()} ${ATHENA[duckdbType] ?? duckdbType.toLowerCase()}`
    );
    const [, list] = new RegExp(`table ${name} \\(\n([^]*?)\n\\)`).exec(text)!;
    assert.deepEqual(list.split(",\n").map((line) => line.trim()), wanted, name);
  }
});

Deno.test("analytics/tables has every dataset for every engine", async () => {
  const datasets = (await readDatasets()).map(({ name }) => name);
  for (const engine of ["athena", "clickhouse", "spark"]) {
    const made = [...(await read(engine)).matchAll(/^create .*(?:table|view) (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(made.sort(), datasets, engine);
  }
});
