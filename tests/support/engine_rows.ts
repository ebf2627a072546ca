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

/** Each runs statements, then queries, and writes their answers to a file: Spark prints notes of its own. */
const SCRIPTS: Readonly<Record<Engine, string>> = {
  duckdb: `
import duckdb, json, sys
statements, queries = json.load(open(sys.argv[1]))
connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")
for statement in statements:
    connection.execute(statement)
answers = []
for query in queries:
    connection.execute("create or replace temp table result as " + query)
    types = [row[1] for row in connection.execute("describe result").fetchall()]
    answers.append({"types": types, "rows": connection.execute("select columns(*)::varchar from result").fetchall()})
json.dump(answers, open(sys.argv[2], "w"))
`,
  // The tables are read once: a thousand small files a query would take minutes.
  spark: `
import json, sys
from pyspark.sql import SparkSession
statements, queries = json.load(open(sys.argv[1]))
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
for statement in statements:
    spark.sql(statement)
    for table in ("checks", "requests", "usage_ledger"):
        if statement.startswith("create or replace temporary view " + table + " as"):
            spark.table(table).coalesce(1).cache().createOrReplaceTempView(table)
answers = []
for query in queries:
    frame = spark.sql(query)
    texts = [frame[name].cast("string") for name in frame.columns]
    answers.append({"types": [], "rows": [list(row) for row in frame.select(texts).collect()]})
json.dump(answers, open(sys.argv[2], "w"))
`,
  clickhouse: `
import json, sys
from chdb import session
statements, queries = json.load(open(sys.argv[1]))
connection = session.Session()
for statement in statements:
    connection.query(statement)
answers = []
for query in queries:
    lines = str(connection.query(query, "JSONCompactEachRow")).splitlines()
    rows = [json.loads(line, parse_float=str) for line in lines]
    answers.append({"types": [], "rows": [[None if value is None else str(value) for value in row] for row in rows]})
json.dump(answers, open(sys.argv[2], "w"))
`,
};

/** Runs statements and queries on an engine, and gives the answers to the queries, in order.
 *
 * Errors: Error with the last lines of the engine when it refuses one.
 */
export async function askEngine(
  engine: Engine,
  python: string,
  { statements, queries }: { statements: readonly string[]; queries: readonly NamedQuery[] },
): Promise<readonly EngineAnswer[]> {
  const home = await Deno.makeTempDir({ prefix: "heretix-engine-" });
  try {
    const input = `${home}/input.json`;
    await Deno.writeTextFile(input, JSON.stringify([statements, queries.map(({ sql }) => sql)]));
    await runPython(python, SCRIPTS[engine], input, `${home}/answers.json`);
    return JSON.parse(await Deno.readTextFile(`${home}/answers.json`));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
