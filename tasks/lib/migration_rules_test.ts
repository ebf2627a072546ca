import assert from "node:assert/strict";
import { findProblems, isNoTransaction } from "./migration_rules.ts";

Deno.test("findProblems() refuses every statement that controls transactions", () => {
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
  for (const statement of statements) assert.equal(findProblems(`select 1; ${statement};`).length, 1, statement);
});

Deno.test("findProblems() takes transaction words that control nothing", () => {
  const texts = [
    "do $$ begin perform 1; end $$;",
    "select 'commit;' -- rollback;\n;",
    "create function f() returns int language sql begin atomic select 1; end;",
    "prepare p as select 1;",
    "copy a to stdout;",
  ];
  for (const text of texts) assert.deepEqual(findProblems(text), [], text);
});

Deno.test("findProblems() refuses misspelt and misplaced directives", () => {
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
  for (const line of lines) assert.match(findProblems(`${line}\nselect 1;`)[0]?.message ?? "", /directive/, line);
});

Deno.test("findProblems() takes the directive in line 1, and prose about transactions", () => {
  assert.deepEqual(findProblems("-- migrate: no-transaction\nvacuum;"), []);
  assert.deepEqual(findProblems("-- There is no transaction that could see this row, so it may go.\nselect 1;"), []);
});

Deno.test("isNoTransaction() looks at line 1 only", () => {
  assert.equal(isNoTransaction("-- migrate: no-transaction\nvacuum;"), true);
  assert.equal(isNoTransaction("vacuum;\n-- migrate: no-transaction"), false);
});
