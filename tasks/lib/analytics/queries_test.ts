import assert from "node:assert/strict";
import { PARAMETER_NAMES } from "./parameters.ts";
import { formatQueryList, parseQueries, pickQueries } from "./queries.ts";

const TEXT = `-- A preface.
-- name: first
-- What first shows.
select 1;

-- name: second
-- What second shows.
-- params: since, until
select
  2 -- two
;
`;

Deno.test("parseQueries() reads name, description and one SELECT", () => {
  assert.deepEqual(parseQueries(TEXT), [
    { name: "first", description: "What first shows.", params: PARAMETER_NAMES, sql: "select 1" },
    { name: "second", description: "What second shows.", params: ["since", "until"], sql: "select\n  2 -- two\n" },
  ]);
});

Deno.test("parseQueries() reads a file with Windows line ends", () => {
  assert.equal(parseQueries(TEXT.replaceAll("\n", "\r\n"))[0].description, "What first shows.");
});

Deno.test("parseQueries() names the query without a description", () => {
  assert.throws(() => parseQueries("-- name: x\nselect 1;\n"), {
    message: 'Cannot read query "x": it lacks a description or SQL; write a comment line and a SELECT below it',
  });
});

Deno.test("parseQueries() names the parameter that is not there", () => {
  assert.throws(() => parseQueries("-- name: x\n-- Shows.\n-- params: since, day\nselect 1;\n"), {
    message: 'Cannot read query "x": there is no parameter "day"; take some of model, env, claim, since, until',
  });
});

Deno.test("parseQueries() names the query that is there twice", () => {
  assert.throws(() => parseQueries(TEXT + TEXT), { message: /^Cannot read query "first": the name is there twice; / });
});

Deno.test("pickQueries() keeps the order of the names", () => {
  assert.deepEqual(pickQueries(parseQueries(TEXT), ["second", "first"]).map(({ name }) => name), ["second", "first"]);
});

Deno.test("pickQueries() names the query that was meant", () => {
  assert.throws(() => pickQueries(parseQueries(TEXT), ["fisrt"]), {
    message: 'Cannot run query "fisrt": there is no such query; did you mean "first"? See deno task analytics --list',
    exitCode: 2,
  });
});

Deno.test("pickQueries() lists the names when one is like none", () => {
  assert.throws(() => pickQueries(parseQueries(TEXT), ["other"]), {
    message: 'Cannot run query "other": there is no such query; take one of first, second',
    exitCode: 2,
  });
});

Deno.test("formatQueryList() aligns the descriptions", () => {
  assert.deepEqual(formatQueryList(parseQueries(TEXT)), ["first   What first shows.", "second  What second shows."]);
});
