import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import { fieldOrder, parseDataset } from "./dataset.ts";
import { readDatasets } from "./datasets.ts";

const FILE = "sql/export/checks.postgres.sql";

const HEAD = [
  "-- About.",
  "-- table: public.things",
  "-- day: born",
  "-- key: id",
  "-- label: born thing of ours",
  "-- sort: born",
];

function parse(...lines: string[]) {
  const text = [...HEAD, "select", "  c.born::timestamptz as born,", ...lines, "from public.things as c"].join("\n");
  return parseDataset("things", "things.sql", text);
}

Deno.test("parseDataset() reads the checks: all columns of the table in its order, then execution_id and source", async () => {
  const text = await Deno.readTextFile(new URL(`../../../${FILE}`, import.meta.url));
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
  assert.deepEqual(dataset.columns.slice(1), [
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
  assert.deepEqual(dataset.sourceColumns, ["born", "K", "name", "rest", "cost"]);
  assert.deepEqual([...dataset.casts], [["born", "timestamptz"], ["K", "bigint"], ["cost", "numeric(12, 6)"]]);
  assert.match(dataset.select, /^select\n[^]*as c$/);
});

Deno.test("parseDataset() leaves a final semicolon out of the SELECT", () => {
  const text = [...HEAD, "select", "  c.born::date as born", "from things as c;", ""].join("\n");
  const { select } = parseDataset("things", "things.sql", text);
  assert.equal(select, "select\n  c.born::date as born\nfrom things as c");
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
      message: 'Cannot export "things": things.sql:10 is not "<expression>::<type> as <name>"; write one column a line',
    });
  });
}

Deno.test("parseDataset() refuses a file without select or from", () => {
  for (const text of ["", "select c.a::text as a from t as c", "from t\nselect"]) {
    assert.throws(() => parseDataset("things", "things.sql", text), /has no "select" and "from" line/);
  }
});

Deno.test("parseDataset() reads what the head declares", () => {
  const { table, day, key, label, sort, isPlain, leftOut, hasSources } = parse("  c.a::text as a");
  assert.deepEqual({ table, day: day.name, key, label, sort, isPlain, leftOut, hasSources }, {
    table: "public.things",
    day: "born",
    key: "id",
    label: { noun: "thing of ours", column: "born" },
    sort: ["born"],
    isPlain: false,
    leftOut: [],
    hasSources: false,
  });
  assert.deepEqual(
    [CHECKS.isPlain, CHECKS.hasSources, CHECKS.sort.length, CHECKS.label],
    [true, true, 4, { noun: "run", column: "run_id" }],
  );
});

Deno.test("parseDataset() names the declaration that is missing, or of another form, or names no column", () => {
  const read = (head: readonly string[], type = "timestamptz") =>
    parseDataset(
      "things",
      "things.sql",
      [...head, "select", `  c.born::${type} as born`, "from things as c"].join("\n"),
    );
  assert.equal(read(HEAD, "date").day.layout, "date");
  for (const what of ["table", "day", "key", "label", "sort"]) {
    const without = HEAD.filter((line) => !line.startsWith(`-- ${what}: `));
    assert.throws(() => read(without), {
      name: "TaskError",
      message: new RegExp(`does not declare its ${what}; write`),
    });
    assert.throws(() => read([...without, `-- ${what}: "x'"; drop`]), { name: "TaskError" });
  }
  for (const line of ["-- day: no", "-- label: no thing", "-- sort: born, no"]) {
    const head = [line, ...HEAD];
    assert.throws(() => read(head), {
      name: "TaskError",
      message: /declares column "no", which its SELECT does not have/,
    });
  }
  const other = ["-- sort: a, born", ...HEAD];
  const text = [...other, "select", "  c.born::date as born,", "  c.a::text as a", "from things as c"].join("\n");
  assert.throws(() => parseDataset("things", "things.sql", text), /sorts by "a" first; begin with the day, born/);
  assert.throws(() => read(HEAD, "text"), { name: "TaskError", message: /column "born" gives no day/ });
});

Deno.test("fieldOrder() puts the column first that gives the day", () => {
  const dataset = parse("  c.a::text as a");
  assert.deepEqual(fieldOrder({ ...dataset, day: dataset.columns[1] }).map(({ name }) => name), ["a", "born"]);
});

Deno.test("no dataset's name begins with another's, and each takes its lane, file and label from its own file", async () => {
  const datasets = await readDatasets();
  const names = datasets.map(({ name }) => name);
  assert.deepEqual(names, ["checks", "requests", "usage_ledger"]);
  for (const name of names) assert.deepEqual(names.filter((other) => other.startsWith(name)), [name]);
  assert.deepEqual(datasets.filter(({ sqlite }) => sqlite !== undefined).map(({ name }) => name), ["checks"]);
  await assert.rejects(readDatasets(["checks", "nope"]), { exitCode: 2, message: /"nope": .* take one of checks, / });
});
