import assert from "node:assert/strict";
import { openCatalog } from "../tasks/lib/analytics/catalog.ts";
import type { Asked } from "../tasks/lib/analytics/parameters.ts";
import { type NamedQuery, parseQueries } from "../tasks/lib/analytics/queries.ts";
import type { QueryResult } from "../tasks/lib/parquet/duckdb.ts";
import { type AnswerRow, createQueryLake } from "./support/query_lake.ts";

const QUERIES = parseQueries(await Deno.readTextFile(new URL("../analytics/queries.sql", import.meta.url)));

/** A signal that nothing aborts. */
const NEVER = new AbortController().signal;

/** What a query is asked about, by the name of the test. */
const CASES: Readonly<Record<string, Asked>> = {
  "all rows": {},
  "a model until a day within an outage": { model: "gpt-4o", until: "2025-07-22" },
  "an env since a day": { env: "production", since: "2025-06-20" },
  "a claim within days": { claim: "100% of o'brien's _SWANS_", since: "2025-05-10", until: "2025-08-01" },
};

Deno.test("the named queries answer as Postgres does", async (t) => {
  await using lake = await createQueryLake();
  for (const [name, asked] of Object.entries(CASES)) {
    using catalog = await openCatalog(lake.directory, NEVER, { asked });
    for (const query of takers(asked)) {
      await t.step(`${query.name}, of ${name}`, async () => {
        const expected = await lake.answer(query.name, asked);
        assert.ok(expected.length > 0 || name !== "all rows");
        assertSame(await catalog.query(query), expected);
      });
    }
  }
});

function takers(asked: Asked): readonly NamedQuery[] {
  return QUERIES.filter(({ params }) => Object.keys(asked).every((name) => params.some((param) => param === name)));
}

function assertSame({ columns, rows }: QueryResult, expected: readonly AnswerRow[]): void {
  const found = rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])));
  assert.deepEqual(found.map(plain), expected.map(plain));
}

/** A row's names and values as text, numbers in one form. */
function plain(row: AnswerRow): string {
  return Object.entries(row).map(([name, value]) => `${name} ${plainValue(value)}`).join(", ");
}

function plainValue(value: AnswerRow[string]): string {
  const text = `${value}`;
  return /^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text) ? `${Number(Number(text).toPrecision(12))}` : text;
}
