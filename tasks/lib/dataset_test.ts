import assert from "node:assert/strict";
import { parseDataset } from "./dataset.ts";

const FILE = "sql/export/checks.postgres.sql";

function parse(...lines: string[]) {
  return parseDataset("things", "things.sql", ["-- About.", "select", ...lines, "from public.things as c"].join("\n"));
}

Deno.test("parseDataset() reads the checks: all columns of the table in its order, then execution_id and source", async () => {
  const text = await Deno.readTextFile(new URL(`../../${FILE}`, import.meta.url));
  const { columns, sourceColumns } = parseDataset("checks", FILE, text);
  assert.equal(columns.length, 76);
  const names = columns.map(({ name }) => name);
  assert.equal(new Set(names).size, 76);
  assert.deepEqual(names.slice(0, 5), ["id", "run_id", "env", "user_id", "claim"]);
  assert.deepEqual(names.slice(-3), ["request_id", "execution_id", "source"]);
  assert.deepEqual(new Set(names.slice(0, -2)), new Set(sourceColumns));
  const typeOf = (name: string) => columns.find((column) => column.name === name)!.duckdbType;
  assert.deepEqual(
    ["id", "K", "seed", "pqs", "prompt_char_len_max", "was_cached", "created_at", "cost_usd", "anon_token"].map(typeOf),
    [
      "VARCHAR",
      "BIGINT",
      "DECIMAL(20,0)",
      "DOUBLE",
      "INTEGER",
      "BOOLEAN",
      "TIMESTAMP WITH TIME ZONE",
      "DECIMAL(12,6)",
      "VARCHAR",
    ],
  );
});

Deno.test("parseDataset() gives name, types and the columns it reads", () => {
  const dataset = parse(
    `  c."K"::bigint as "K",`,
    "  lower(c.name || c.rest)::text as name,",
    "  c.cost::numeric(12, 6) as cost",
  );
  assert.deepEqual(dataset.columns, [
    { name: "K", postgresType: "bigint", duckdbType: "BIGINT", layout: "int64", precision: 0, scale: 0 },
    { name: "name", postgresType: "text", duckdbType: "VARCHAR", layout: "text", precision: 0, scale: 0 },
    {
      name: "cost",
      postgresType: "numeric(12, 6)",
      duckdbType: "DECIMAL(12,6)",
      layout: "decimal",
      precision: 12,
      scale: 6,
    },
  ]);
  assert.deepEqual(dataset.sourceColumns, ["K", "name", "rest", "cost"]);
  assert.deepEqual([...dataset.casts], [["K", "bigint"], ["cost", "numeric(12, 6)"]]);
  assert.match(dataset.select, /^select\n[^]*as c$/);
});

Deno.test("parseDataset() leaves a final semicolon out of the SELECT", () => {
  const { select } = parseDataset("things", "things.sql", "select\n  c.a::text as a\nfrom things as c;\n");
  assert.equal(select, "select\n  c.a::text as a\nfrom things as c");
});

for (const type of ["money", "jsonb", "numeric", "numeric(39,0)", "timestamp", "real", "smallint", "bytea"]) {
  Deno.test(`parseDataset() refuses type ${type} by the column's name`, () => {
    assert.throws(() => parse("  c.a::text as a,", `  c.price::${type} as price`), {
      name: "TaskError",
      message: `Cannot export "things": column "price" has type ${type}, ` +
        "which has no Parquet mapping; cast it in things.sql",
    });
  });
}

for (
  const line of [
    "  c.a,",
    "  c.a::text,",
    "  c.a as a,",
    "",
    "  -- c.a::text as a",
  ]
) {
  Deno.test(`parseDataset() names the line that is "${line}"`, () => {
    assert.throws(() => parse("  c.z::text as z,", line, "  c.y::text as y"), {
      name: "TaskError",
      message: 'Cannot export "things": things.sql:4 is not "<expression>::<type> as <name>"; write one column a line',
    });
  });
}

Deno.test("parseDataset() refuses a file without select or from", () => {
  for (const text of ["", "select c.a::text as a from t as c", "from t\nselect"]) {
    assert.throws(() => parseDataset("things", "things.sql", text), /has no "select" and "from" line/);
  }
});
