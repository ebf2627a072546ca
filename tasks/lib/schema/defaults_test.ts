import assert from "node:assert/strict";
import { createTestDatabase, type TestDatabase } from "../../../tests/support/database.ts";
import { readSchema } from "./read.ts";

/** Defaults of one type that mean the same, behind the type. */
const SAME: readonly (readonly string[])[] = [
  ["bigint", "0", "'0'", "0::bigint", "'0'::bigint", "'0'::integer", "0::smallint"],
  ["bigint", "-1", "'-1'", "'-1'::bigint"],
  ["bigint", "5000000000", "'5000000000'"],
  ["integer", "0", "'0'", "0::bigint"],
  ["smallint", "7", "'7'", "7::smallint"],
  ["numeric(12,6)", "0", "'0'", "0::numeric", "0::numeric(12,6)"],
  ["numeric(12,6)", "0.5", "'0.5'", "'0.5'::numeric(12,6)"],
  ["double precision", "0.5", "'0.5'", "0.5::float8", "0.5::numeric"],
  ["boolean", "false", "'false'", "'f'::boolean", "false::boolean"],
  ["varchar(32)", "'trial'", "'trial'::varchar", "'trial'::text", "'trial'::varchar(32)"],
  ["text", "'it''s :: \\'", "'it''s :: \\'::varchar", "E'it\\'s :: \\\\'"],
  ["jsonb", "'{}'", "'{}'::jsonb"],
  ["timestamptz", "now()", "current_timestamp"],
  ["timestamp", "now()", "current_timestamp"],
];

/** Defaults of one type each of which means something else, behind the type. */
const DIFFERENT: readonly (readonly string[])[] = [
  ["bigint", "0", "1", "-1", "10", "0 + 1"],
  ["numeric(12,6)", "0.7", "0.7::integer", "0.7::numeric(12,1)", "0.7 + 0"],
  ["double precision", "16777217", "16777217::real"],
  ["text", "'0'", "'0 '", "'''0'''", "'0'::text || '0'"],
  ["varchar(32)", "'trial'", "'trial'::varchar(3)", "'Trial'", "'''trial'''", "'trial'::char(9)"],
  ["boolean", "false", "true", "null::boolean"],
  [
    ...["timestamptz", "now()", "clock_timestamp()", "current_timestamp(3)", "statement_timestamp()", "localtimestamp"],
    ...["(now() at time zone 'utc')", "'2020-01-01 00:00:00+00'", "now() + interval '1 day'"],
  ],
];

/** How each default of a type reads. */
async function readDefaults({ sql }: TestDatabase, [type, ...defaults]: readonly string[]): Promise<string[]> {
  const columns = defaults.map((text, at) => `c${at} ${type} default ${text}`);
  await sql.unsafe(`drop table if exists a; create table a (${columns})`);
  return (await readSchema(sql)).filter(({ kind }) => kind === "column").map(({ definition }) => definition);
}

Deno.test("readSchema() reads defaults the same that mean the same, and no others", async () => {
  await using database = await createTestDatabase();
  for (const row of SAME) assert.equal(new Set(await readDefaults(database, row)).size, 1, row.join(" | "));
  for (const row of DIFFERENT) {
    assert.equal(new Set(await readDefaults(database, row)).size, row.length - 1, row.join(" | "));
  }
});

Deno.test("readSchema() leaves a generated column's expression as it is", async () => {
  await using database = await createTestDatabase();
  await database.sql`create table a (n bigint generated always as ('0'::bigint) stored)`;
  const [, { definition }] = await readSchema(database.sql);
  assert.equal(definition, "bigint generated always as ('0'::bigint) stored");
});
