import assert from "node:assert/strict";
import { viewsOf } from "./catalog_views.ts";
import { parseOwnQuery } from "./own_query.ts";
import { parseQueries } from "./queries.ts";
import { wantedBy } from "./wanted.ts";

const ANALYTICS = new URL("../../../analytics/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, ANALYTICS));
const VIEWS = viewsOf(await read("catalog.sql"), ["other"]);

const wordsOf = (sql: string) => wantedBy([sql], VIEWS).words;

Deno.test("wantedBy() finds columns and views by their words, whatever their case and quotes", () => {
  const { views, words } = wantedBy(["select \"K\", Model from resolved -- pqs\nwhere claim = 'ci_lo'"], VIEWS);
  assert.deepEqual([...views].sort(), [
    "asked",
    "asked_checks",
    "checks",
    "checks_latest",
    "executions",
    "history",
    "resolved",
  ]);
  for (const column of ["k", "model", "claim", "p_combined", "created_at"]) assert.ok(words!.has(column), column);
  for (const column of ["pqs", "ci_lo", "tokens_in"]) assert.ok(!words!.has(column), column);
});

Deno.test("wantedBy() takes no named query for one of whole rows", async () => {
  for (const { name, sql } of parseQueries(await read("queries.sql"))) assert.ok(wordsOf(sql), name);
});

Deno.test("wantedBy() knows stars that take no row whole", () => {
  for (
    const sql of [
      "select count(*), 2 * pqs, (pqs + 1) * 2 from checks",
      "with a as (select model from checks) select * from a",
      "select a.* from (select model from checks_latest as c where c.pqs > 1) as a",
      "select extract(year from created_at) from checks where model is distinct from env",
      "select 1 as checks from checks order by checks",
    ]
  ) assert.ok(wordsOf(sql), sql);
});

Deno.test("wantedBy() wants every column where rows are taken whole", () => {
  for (
    const sql of [
      "select * from checks",
      "select 1, * from resolved",
      "select count(*) from (select distinct * from checks)",
      "select c.* from requests as r join checks_latest c on true",
      "with a as (select h.*, 1 as one from history h) select one from a",
      "select * from (select 1) as a join usage on true",
      "from checks",
      "select 1 from (from checks)",
      "with a as (select 1) from checks",
      "select model from checks union all from checks",
      "select count(distinct c) from checks as c",
      "select count(distinct checks) from checks",
      "select count(*) from checks natural join usage_ledger",
      "select max(columns('p.*')) from checks",
      "describe checks",
      "summarize select model from checks",
      "table checks",
      "select * from other",
      parseOwnQuery("show tables").sql,
    ]
  ) assert.equal(wordsOf(sql), undefined, sql);
});
