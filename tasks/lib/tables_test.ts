import assert from "node:assert/strict";
import { parseDataset } from "./dataset.ts";

const ATHENA: Readonly<Record<string, string>> = {
  VARCHAR: "string",
  BIGINT: "bigint",
  INTEGER: "int",
  DOUBLE: "double",
  BOOLEAN: "boolean",
  "TIMESTAMP WITH TIME ZONE": "timestamp",
};

Deno.test("analytics/tables/athena.sql has the columns and types of the files, in their order", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  const { columns } = parseDataset("checks", "checks.postgres.sql", await read("sql/export/checks.postgres.sql"));
  const wanted = columns.map(({ name, duckdbType }) =>
    `${name.toLowerCase()} ${ATHENA[duckdbType] ?? duckdbType.toLowerCase()}`
  );
  const [, list] = /checks \(\n([^]*?)\n\)/.exec(await read("analytics/tables/athena.sql"))!;
  assert.deepEqual(list.split(",\n").map((line) => line.trim()), wanted);
});
