import assert from "node:assert/strict";
import { parseOwnQuery } from "./own_query.ts";

Deno.test("parseOwnQuery() takes one statement that only reads", () => {
  for (
    const [sql, text] of [
      ["select 1", "select 1"],
      [" -- first\n SELECT ';' ; -- last", "SELECT ';'"],
      ["with a as (select 1) from a;", "with a as (select 1) from a"],
      ["from checks", "from checks"],
      ["(select 1) union all select 2", "(select 1) union all select 2"],
      ["values (1)", "values (1)"],
      ["Describe checks;", "Describe checks"],
      ["summarize select 1", "summarize select 1"],
    ]
  ) assert.equal(parseOwnQuery(sql).sql, text, sql);
});

Deno.test("parseOwnQuery() makes a SELECT of SHOW TABLES", () => {
  for (const sql of ["show tables", "SHOW\n TABLES;"]) {
    assert.match(parseOwnQuery(sql).sql, /^select table_name as name from information_schema\.tables\n/, sql);
  }
});

Deno.test("parseOwnQuery() refuses everything else", () => {
  for (
    const [sql, finding] of [
      ["", /one statement, not 0/],
      [";", /one statement, not 0/],
      ["select 1; select 2", /one statement, not 2/],
      ["select 'a", /not closed/],
      ["copy checks to 'x.csv'", /takes a SELECT/],
      ["attach 'x.db'", /takes a SELECT/],
      ["install httpfs", /takes a SELECT/],
      ["set threads = 1", /takes a SELECT/],
      ["pragma version", /takes a SELECT/],
      ["drop view checks", /takes a SELECT/],
      ["explain select 1", /takes a SELECT/],
      ["show all tables", /takes a SELECT, DESCRIBE, SUMMARIZE or SHOW TABLES/],
    ] as const
  ) assert.throws(() => parseOwnQuery(sql), { message: finding, exitCode: 2 }, sql);
});
