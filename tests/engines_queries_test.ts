import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { catalogAsking } from "../tasks/lib/analytics/catalog_views.ts";
import type { Asked, ParameterName } from "../tasks/lib/analytics/parameters.ts";
import { type NamedQuery, parseQueries } from "../tasks/lib/analytics/queries.ts";
import { literal } from "../tasks/lib/parquet/quote.ts";
import { askEngine, type Engine, type EngineAnswer } from "./support/engine_rows.ts";
import { findPython, runPython } from "./support/python.ts";
import { createQueryLake } from "./support/query_lake.ts";

const ANALYTICS = new URL("../analytics/", import.meta.url);
const ENGINES = new URL("engines/", ANALYTICS);

const hasJava = await (async () => await new Deno.Command("java", { args: ["-version"] }).output())()
  .then(({ success }) => success, () => false);
const spark = hasJava ? await findPython(["duckdb", "pyspark"]) : undefined;
const clickhouse = await findPython(["duckdb", "chdb"]);

/** What is asked in one session of each engine: every query, and then one over each of the views that know what is asked
 * about. */
const CASES: readonly { readonly about: string; readonly asked: Asked; readonly names?: readonly string[] }[] = [
  { about: "all rows", asked: {} },
  {
    about: "an env and a claim, of some days",
    asked: { env: "production", claim: "o'brien", since: "2025-06-01", until: "2025-07-22" },
    names: ["overview", "totals", "request_outcomes", "days"],
  },
  { about: "some days", asked: { since: "2025-06-01", until: "2025-07-22" }, names: ["allowance"] },
];

Deno.test({
  name: "Spark and ClickHouse answer the named queries of analytics/engines as DuckDB does",
  ignore: spark === undefined && clickhouse === undefined,
  fn: async (t) => {
    await using lake = await createQueryLake();
    const { directory } = lake;
    await t.step({
      name: "Spark (pyspark and java)",
      ignore: spark === undefined,
      fn: async (t) => await compare(t, "spark", { python: spark!, directory, tables: await sparkTables(directory) }),
    });
    await t.step({
      name: "ClickHouse (chdb)",
      ignore: clickhouse === undefined,
      fn: async (t) =>
        await compare(t, "clickhouse", { python: clickhouse!, directory, tables: await clickhouseTables(directory) }),
    });
  },
});

/** Where an engine runs, and the statements that make its tables. */
interface Place {
  readonly python: string;
  readonly directory: string;
  readonly tables: readonly string[];
}

async function compare(t: Deno.TestContext, engine: Engine, { python, directory, tables }: Place): Promise<void> {
  const made = await readMade(engine);
  const catalog = (await read("catalog.sql")).replaceAll("data/exports/", () => `${directory}/`);
  const queries = parseQueries(await read("queries.sql"));
  const wanted = await askEngine(
    "duckdb",
    python,
    CASES.map(({ asked, names }) => ({ statements: [catalogAsking(catalog, asked)], queries: pick(queries, names) })),
  );
  const found = await askEngine(
    engine,
    python,
    CASES.map(({ asked, names }, at) => ({
      statements: at === 0 ? [...tables, ...made.views] : [asking(made.views, asked)],
      queries: pick(made.queries, names),
    })),
  );
  for (const [at, { about, names }] of CASES.entries()) {
    for (const [index, { name }] of pick(queries, names).entries()) {
      await t.step(`${name}, of ${about}`, () => {
        assert.ok(wanted[at][index].rows.length > 0);
        assertSame(found[at][index], wanted[at][index]);
      });
    }
  }
}

/** Queries of these names, or all. */
function pick(queries: readonly NamedQuery[], names?: readonly string[]): NamedQuery[] {
  return queries.filter(({ name }) => names?.includes(name) ?? true);
}

/** Statements of an engine's queries.sql before its first query, and its queries. */
async function readMade(engine: Engine): Promise<{ views: readonly string[]; queries: readonly NamedQuery[] }> {
  const text = await read(`engines/${engine}/queries.sql`);
  return { views: statementsOf(text.slice(0, text.indexOf("-- name: "))), queries: parseQueries(text) };
}

/** The view of what is asked about with values in place of NULLs, as the head of the files says. */
function asking(views: readonly string[], asked: Asked): string {
  const view = views.find((view) => / VIEW asked AS\n/.test(view))!;
  return view.replace(
    /\bNULL AS (.+)\) AS (\w+)/g,
    (nothing, type, name) =>
      name in asked ? `${literal(asked[name as ParameterName]!)} AS ${type}) AS ${name}` : nothing,
  );
}

async function sparkTables(directory: string): Promise<string[]> {
  const statements = statementsOf(await read("engines/spark.directory.sql"));
  return await Promise.all(statements.map(async (statement) => {
    const [head, one] = statement.split(/\n(?=select)|\nunion all\n/);
    const suffix = /\/local(\.\w+)?`$/.exec(one)?.[1] ?? "";
    const lanes = await lanesOf(directory, suffix);
    const selects = lanes.map((lane) => one.replaceAll("local", lane).replace("data/exports", directory));
    return `${head}\n${selects.join("\nunion all\n")}`;
  }));
}

async function clickhouseTables(directory: string): Promise<string[]> {
  const statements = statementsOf(await read("engines/clickhouse.directory.sql"));
  return statements.filter((statement) => statement.includes(" view "))
    .map((statement) => statement.replace(/s3\(exports, filename = '(.*)', format =/, `file('${directory}/$1',`));
}

/** Lanes of a dataset that have rows. */
async function lanesOf(directory: string, suffix: string): Promise<string[]> {
  const folders = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  const lanes = folders.filter((name) =>
    name.endsWith(suffix) && !name.slice(0, -suffix.length || undefined).includes(".")
  );
  const filled = await Promise.all(lanes.map(async (name) => {
    const entries = await Array.fromAsync(Deno.readDir(`${directory}/${name}`), ({ name }) => name);
    return entries.some((entry) => entry.startsWith("dt="));
  }));
  return lanes.filter((_, index) => filled[index]).map((name) => name.split(".")[0]).sort();
}

const read = (file: string) => Deno.readTextFile(new URL(file, ANALYTICS));

/** Statements of a file without its comments. */
function statementsOf(text: string): string[] {
  return text.replace(/^--.*\n/gm, "").split(/;\n/).map((statement) => statement.trim()).filter(Boolean);
}

function assertSame(found: EngineAnswer, { types, rows }: EngineAnswer): void {
  const plainRows = rows.map((row) => row.map((value, column) => plain(value, types[column])));
  const foundRows = found.rows.map((row, at) =>
    row.map((value, column) => near(plain(value, types[column]), plainRows[at]?.[column], types[column]))
  );
  assert.deepEqual(foundRows, plainRows);
}

/** A value as text, the same from each engine. */
function plain(value: string | null, type: string): string {
  if (value === null) return "NULL";
  if (type === "BOOLEAN") return `${["true", "True", "1"].includes(value)}`;
  if (type.startsWith("TIMESTAMP")) return value.replace(/\+00$/, "").replace(/\.0*$|(\.\d*?)0+$/, "$1");
  return /INT|DECIMAL|DOUBLE/.test(type) ? `${Number(Number(value).toPrecision(12))}` : value;
}

/** What was wanted, where a double was found that lies one unit of the last digit beside it: sums in another order, and
 * halves that ClickHouse rounds to the even neighbour. */
function near(found: string, wanted: string | undefined, type: string): string {
  if (type !== "DOUBLE" || wanted === undefined) return found;
  const decimals = Math.max(...[wanted, found].map((text) => text.split(".")[1]?.length ?? 0));
  return Math.abs(Number(wanted) - Number(found)) < 1.001 * 10 ** -decimals ? wanted : found;
}

const version = /^sqlglot==(.+)$/m.exec(await read("engines/requirements.txt"))![1];
const sqlglot = await findPython(["sqlglot"]);
const isPinned = sqlglot !== undefined &&
  (await runPython(sqlglot, "import sqlglot; print(sqlglot.__version__)")).trim() === version;

Deno.test({
  name: `analytics/engines/translate.py makes the files that are there (sqlglot ${version})`,
  ignore: !isPinned,
  fn: async () => {
    const directory = await Deno.makeTempDir();
    const { success, stderr } = await new Deno.Command(sqlglot!, {
      args: [fileURLToPath(new URL("translate.py", ENGINES)), directory],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    for (const engine of ["spark", "trino", "clickhouse"]) {
      const made = await Deno.readTextFile(`${directory}/${engine}/queries.sql`);
      assert.equal(made, await read(`engines/${engine}/queries.sql`), engine);
    }
    await Deno.remove(directory, { recursive: true });
  },
});
