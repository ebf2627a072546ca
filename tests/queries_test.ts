import assert from "node:assert/strict";
import { openCatalog } from "../tasks/lib/analytics/catalog.ts";
import { type Asked, PARAMETER_NAMES } from "../tasks/lib/analytics/parameters.ts";
import { type NamedQuery, parseQueries } from "../tasks/lib/analytics/queries.ts";
import type { QueryResult } from "../tasks/lib/parquet/duckdb.ts";
import { findPython, runPython } from "./support/python.ts";
import { type AnswerRow, createQueryLake, type QueryLake } from "./support/query_lake.ts";

const CATALOG = await Deno.readTextFile(new URL("../analytics/catalog.sql", import.meta.url));
const QUERIES = parseQueries(await Deno.readTextFile(new URL("../analytics/queries.sql", import.meta.url)));

/** A signal that nothing aborts. */
const NEVER = new AbortController().signal;

/** What a query is asked about, by the name of the test. */
const CASES: Readonly<Record<string, Asked>> = {
  "all rows": {},
  "a model until a day within an outage": { model: "gpt-4o", until: "2025-07-22" },
  "an env since a day": { env: "production", since: "2025-06-20" },
  "a claim until a day": { claim: "100% of o'brien's _SWANS_", until: "2025-06-08" },
  "days": { since: "2025-06-15", until: "2025-07-22" },
};

const python = await findPython(["duckdb"]);

/** Runs the catalog and one query after another on native DuckDB, and prints their columns and rows as text. */
const DUCKDB = `
import duckdb, json, sys
catalog, *queries = json.load(open(sys.argv[1]))
connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")
connection.execute("set enable_progress_bar = false")
connection.execute(catalog)
results = []
for sql in queries:
    connection.execute("create or replace temp table result as " + sql)
    cursor = connection.execute("select columns(*)::varchar from result")
    results.append({"columns": [column[0] for column in cursor.description], "types": [], "rows": cursor.fetchall()})
print(json.dumps(results))
`;

Deno.test("the named queries answer as Postgres does", async (t) => {
  await using lake = await createQueryLake();
  for (const [name, asked] of Object.entries(CASES)) {
    const queries = takers(asked);
    using catalog = await openCatalog(lake.directory, NEVER, { asked, queries });
    for (const query of queries) {
      await t.step(`${query.name}, of ${name}`, async () => {
        const expected = await lake.answer(query.name, asked);
        assert.ok(expected.length > 0 || name !== "all rows");
        assertSame(await catalog.query(query), expected);
      });
    }
  }
  await t.step({ name: "and on native DuckDB, of all rows", ignore: python === undefined, fn: () => runNative(lake) });
});

async function runNative({ directory, answer }: QueryLake): Promise<void> {
  const input = await Deno.makeTempFile();
  const catalog = CATALOG.replaceAll("data/exports/", () => `${directory.replaceAll("'", "''")}/`);
  await Deno.writeTextFile(input, JSON.stringify([catalog, ...QUERIES.map(({ sql }) => sql)]));
  const results: QueryResult[] = JSON.parse(await runPython(python!, DUCKDB, input));
  await Deno.remove(input);
  for (const [index, { name }] of QUERIES.entries()) assertSame(results[index], await answer(name, {}));
}

/** Queries that take what is asked; of days alone, those that the other cases leave out. */
function takers(asked: Asked): readonly NamedQuery[] {
  const names = Object.keys(asked);
  return QUERIES.filter(({ params }) => names.every((name) => params.some((param) => param === name)))
    .filter(({ params }) => names.join() !== "since,until" || params.length < PARAMETER_NAMES.length);
}

function assertSame({ columns, rows }: QueryResult, expected: readonly AnswerRow[]): void {
  const found = rows.map((row) => columns.map((name, index) => [name, plain(row[index])]));
  const wanted = expected.map((row, at) =>
    Object.entries(row).map(([name, value], index) => [name, rounded(plain(value), found[at]?.[index]?.[1])])
  );
  assert.deepEqual(found.map(String), wanted.map(String));
}

/** A value as text, numbers in one form. */
function plain(value: AnswerRow[string]): string {
  const text = `${value}`;
  return /^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text) ? `${Number(Number(text).toPrecision(12))}` : text;
}

/** What was found in place of what was wanted, where a half was rounded to the other of two neighbours: DuckDB's doubles
 * are not in the middle where Postgres's numerics are. */
function rounded(wanted: string, found = ""): string {
  const decimals = Math.max(...[wanted, found].map((text) => text.split(".")[1]?.length ?? 0));
  return decimals >= 3 && Math.abs(Number(wanted) - Number(found)) < 1.001 * 10 ** -decimals ? found : wanted;
}
