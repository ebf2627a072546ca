import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { normalizeCheck } from "./check_definition.ts";
import { readSchema } from "./read.ts";

Deno.test("normalizeCheck() leaves out parentheses in front of a chain, and no others", () => {
  const pairs = [
    ["CHECK ((((a > 0) AND (b > 0)) AND (c > 0))) NOT VALID", "CHECK (((a > 0) AND (b > 0) AND (c > 0))) NOT VALID"],
    ["CHECK (((((a) AND (b)) AND (c)) AND (d)))", "CHECK (((a) AND (b) AND (c) AND (d)))"],
    ["CHECK ((((a) OR (b)) OR (c)))", "CHECK (((a) OR (b) OR (c)))"],
    ["CHECK (((((a) OR (b)) OR (c)) AND (d)))", "CHECK ((((a) OR (b) OR (c)) AND (d)))"],
  ];
  for (const [definition, expected] of pairs) assert.equal(normalizeCheck(definition), expected);
  const unchanged = [
    "CHECK ((((a) OR (b)) AND (c)))",
    "CHECK (((a) AND ((b) AND (c))))",
    "CHECK ((((a) AND (b)) IS TRUE AND (c)))",
    "CHECK (((('((x) AND (y)) AND (z)'::text) = t) AND (\") AND (\" > 0)))",
    "FOREIGN KEY (a, b) REFERENCES public.k(a, b) ON DELETE SET NULL (a)",
  ];
  for (const definition of unchanged) assert.equal(normalizeCheck(definition), definition);
});

Deno.test("readSchema() reads a check the same when it is dropped and added again as it is printed", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql.unsafe(`create table a (n integer, m integer, "a) AND (b" text,
    check (n between 0 and 1 and m between 2 and 3 and n <= m and "a) AND (b" <> ') AND ('),
    check ((n > 0 or m > 0) or (n > 1 or m > 1) or not (n > 2 and m > 2)),
    check ((n > 0 and m > 0) or n < 0 or case when n > 0 and m > 0 and n > m then m > 1 and n > 1 and m > 2 end))`);
  const before = await readSchema(sql);
  const checks = await sql`select conname, pg_get_constraintdef(oid) as printed from pg_constraint where contype = 'c'
    and conrelid = 'a'::regclass`;
  for (const { conname, printed } of checks) {
    await sql.unsafe(`alter table a drop constraint ${conname}, add constraint ${conname} ${printed}`);
  }
  const [{ printed }] = await sql`select pg_get_constraintdef(oid) as printed from pg_constraint
    where conname = ${checks[0].conname}`;
  assert.notEqual(printed, checks[0].printed, "the server spells it otherwise");
  assert.deepEqual(await readSchema(sql), before);
});
