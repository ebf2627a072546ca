import assert from "node:assert/strict";
import { scanSql } from "./scan.ts";

const split = (text: string) => scanSql(text).statements.map(({ start, end }) => text.slice(start, end));

Deno.test("scanSql() splits at semicolons outside of quotes, comments and parentheses", () => {
  const statements = [
    "select ';', E'\\';', U&'d\\0061t;', \";\", $$;$$, $a$;$b$;$a$, $1;",
    "create rule r as on insert to t do (select 1; select 2);",
    "select 'it''s; one' -- not; here\n /* nor; /* here; */ or; */ from a$b$c;",
    "select 1",
  ];
  assert.deepEqual(split(statements.join("\n")), statements);
});

Deno.test("scanSql() keeps a BEGIN ATOMIC body in one statement", () => {
  const body =
    "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end;";
  assert.deepEqual(split(`${body} select 3;`), [body, "select 3;"]);
});

Deno.test("scanSql() gives words outside of parentheses in lower case", () => {
  const [{ words }] = scanSql('CREATE Index "Quoted" on t (inside) where x').statements;
  assert.deepEqual(words, ["create", "index", "on", "t", "where", "x"]);
});

Deno.test("scanSql() ignores empty statements and comments", () => {
  assert.deepEqual(split(" ;; -- nothing\n/* at all */ ;"), []);
});

Deno.test("scanSql() tells what a text ends in", () => {
  for (
    const [text, what] of [["'a", "string"], ["'a''", "string"], ["E'a\\'", "escaped"], ['"a', "quoted"], [
      "$x$ $y$",
      "dollar",
    ], [
      "/* /* */",
      "block",
    ]]
  ) {
    assert.equal(scanSql(`select 1; ${text}`).unterminated?.what, what, text);
  }
  assert.equal(scanSql("select '', \"a\", $$$$ /* */ -- end").unterminated, undefined);
});

Deno.test("scanSql() finds backslashes outside of quotes only", () => {
  const text = "select '\\', E'\\\\', $$\\$$;\n\\d";
  assert.deepEqual(scanSql(text).backslashes, [text.indexOf("\\d")]);
});

Deno.test("scanSql() loses no character of any prefix of a text", () => {
  const text = 'select E\'a\\\'b\', $x$;$x$ /* c */; begin; "q""" -- d\n;';
  for (let end = 0; end <= text.length; end++) assert.doesNotThrow(() => scanSql(text.slice(0, end)));
});

Deno.test("scanSql() tells a string that goes on in the next line and never ends", () => {
  assert.equal(scanSql("select E'a'\n'b\\'").unterminated?.what, "escaped");
  assert.equal(scanSql("select E'a'\n'b\\''").unterminated, undefined);
});

Deno.test("scanSql() is through five million characters of strings and comments in a moment", () => {
  const start = performance.now();
  for (const part of ["''", "\\\\", "a", "'\n'", "' --\n '"]) {
    const text = `select E'${part.repeat(5_000_000 / part.length)}'; select 2`;
    assert.equal(scanSql(text).statements.length, 2, part);
  }
  scanSql(`select E'a'${" ".repeat(5_000_000)}x`);
  scanSql(`select E'a'${"\n--".repeat(1_000_000)}x`);
  assert.ok(performance.now() - start < 5000);
});

Deno.test("scanSql() takes only ASCII for space", () => {
  assert.deepEqual(split("select 1;\u00a0"), ["select 1;", "\u00a0"]);
});
