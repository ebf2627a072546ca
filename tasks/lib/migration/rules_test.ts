import assert from "node:assert/strict";
import { findBrokenRules, isNoTransaction } from "./rules.ts";
import { scanSql } from "../sql/scan.ts";

function rulesBrokenBy(text: string): readonly string[] {
  return findBrokenRules(text, scanSql(text));
}

Deno.test("findBrokenRules() refuses every statement that controls transactions", () => {
  const statements = [
    "begin",
    "Start Transaction",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint a",
    "release a",
    "prepare transaction 'a'",
  ];
  for (const statement of statements) assert.equal(rulesBrokenBy(`select 1; ${statement};`).length, 1, statement);
});

Deno.test("findBrokenRules() takes transaction words that control nothing", () => {
  const texts = [
    "do $$ begin perform 1; end $$;",
    "select 'commit;' -- rollback;\n;",
    "create function f() returns int language sql begin atomic select 1; end;",
    "prepare p as select 1;",
    "copy a to stdout;",
  ];
  for (const text of texts) assert.deepEqual(rulesBrokenBy(text), [], text);
});

Deno.test("findBrokenRules() refuses misspelt and misplaced directives", () => {
  const lines = [
    "-- migrate: no transaction",
    "--migrate:no-transaction",
    "-- Migrate: no-transaction",
    "-- migrate: no-trasaction",
    "-- migrat: no-transaction",
    "-- no-transaction",
    "-- disable-ddl-transaction",
    "-- +goose NO TRANSACTION",
    "\n-- migrate: no-transaction",
  ];
  for (const line of lines) assert.match(rulesBrokenBy(`${line}\nselect 1;`)[0] ?? "", /directive/, line);
});

Deno.test("findBrokenRules() takes the directive in line 1, and prose about transactions", () => {
  assert.deepEqual(rulesBrokenBy("-- migrate: no-transaction\nvacuum;"), []);
  assert.deepEqual(rulesBrokenBy("-- There is no transaction that could see this row, so it may go.\nselect 1;"), []);
});

Deno.test("isNoTransaction() looks at line 1 only", () => {
  assert.equal(isNoTransaction("-- migrate: no-transaction\nvacuum;"), true);
  assert.equal(isNoTransaction("vacuum;\n-- migrate: no-transaction"), false);
});
