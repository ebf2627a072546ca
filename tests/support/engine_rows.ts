import type { NamedQuery } from "../../tasks/lib/analytics/queries.ts";
import { runPython } from "./python.ts";

/** What an engine answered: a text or null for each value, rows in order. */
export interface EngineAnswer {
  /** Types of the columns, as DuckDB calls them; empty from other engines. */
  readonly types: readonly string[];
  /** Rows of the query. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** An engine that a package of Python brings. */
export type Engine = "duckdb" | "spark" | "clickhouse";

/** Statements, and the queries that follow them. */
export interface EngineTurn {
  /** Whatever makes tables and views. */
  readonly statements: readonly string[];
  /** What is asked then. */
  readonly queries: readonly NamedQuery[];
}

/** Each runs the statements and the queries of all turns, and writes their answers to a file: Spark prints notes of its own. */
const SCRIPTS: Readonly<Record<Engine, string>> = {
  duckdb: `
import duckdb, json, sys
connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")
def run(statement):
    connection.execute(statement)
def ask(query):
    connection.execute("create or replace temp table result as " + query)
    types = [row[1] for row in connection.execute("describe result").fetchall()]
    return {"types": types, "rows": connection.execute("select columns(*)::varchar from result").fetchall()}
`,
  // The tables are read once: a thousand small files a query would take minutes.
  spark: `
import json, sys
from pyspark.sql import SparkSession
settings = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.warehouse.dir": sys.argv[1] + ".warehouse",
}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
def run(statement):
    spark.sql(statement)
    for table in ("checks", "requests", "usage_ledger"):
        if statement.startswith("create or replace temporary view " + table + " as"):
            spark.table(table).coalesce(1).cache().createOrReplaceTempView(table)
def ask(query):
    frame = spark.sql(query)
    texts = [frame[name].cast("string") for name in frame.columns]
    return {"types": [], "rows": [list(row) for row in frame.select(texts).collect()]}
`,
  clickhouse: `
import json, sys
from chdb import session
connection = session.Session()
def run(statement):
    connection.query(statement)
def ask(query):
    lines = filter(None, str(connection.query(query, "JSONCompactEachRow")).split("\\n"))
    rows = [json.loads(line, parse_float=str) for line in lines]
    return {"types": [], "rows": [[None if value is None else str(value) for value in row] for row in rows]}
`,
};

/** What follows each script: the turns, with its functions. */
const TURNS = `
answers = []
for statements, queries in json.load(open(sys.argv[1])):
    for statement in statements:
        run(statement)
    answers.append([ask(query) for query in queries])
json.dump(answers, open(sys.argv[2], "w"))
`;

/** Runs statements and queries in one session of an engine, and gives the answers to each turn's queries, in order.
 *
 * Errors: Error with the last lines of the engine when it refuses one.
 */
export async function askEngine(
  engine: Engine,
  python: string,
  turns: readonly EngineTurn[],
): Promise<readonly (readonly EngineAnswer[])[]> {
  const home = await Deno.makeTempDir({ prefix: "heretix-engine-" });
  const input = `${home}/turns.json`;
  try {
    const texts = turns.map(({ statements, queries }) => [statements, queries.map(({ sql }) => sql)]);
    await Deno.writeTextFile(input, JSON.stringify(texts));
    await runPython(python, SCRIPTS[engine] + TURNS, input, `${home}/answers.json`);
    return JSON.parse(await Deno.readTextFile(`${home}/answers.json`));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
