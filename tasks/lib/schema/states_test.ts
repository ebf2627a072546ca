import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { formatDifferences, type SchemaObject } from "./schema.ts";
import { readActualSchema, readSchema } from "./read.ts";
import { compareWithState, findState, type SchemaStates } from "./states.ts";

const table = (name: string): SchemaObject => ({
  kind: "table",
  table: name,
  name,
  definition: "table",
  binding: false,
});
const check = (name: string): SchemaObject => ({
  kind: "constraint",
  table: "a",
  name: `a.${name}`,
  definition: "CHECK ((n > 0))",
  binding: true,
});

const INDEX: SchemaObject = { kind: "index", table: "a", name: "ix_a", definition: "CREATE INDEX", binding: false };

/** The second file changes nothing, the fourth drops an index. */
const STATES: SchemaStates = [
  [],
  [table("a"), check("a_n"), INDEX],
  [table("a"), check("a_n"), INDEX],
  [table("a"), check("a_n"), INDEX, table("b")],
  [table("a"), check("a_n"), table("b")],
];

const found = (...objects: SchemaObject[]) => ({ objects, droppedChecks: [] });

Deno.test("compareWithState() notes what no file makes and what binds nobody", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql`create table a (id integer primary key, n integer)`;
  const states = [[], await readSchema(sql)];
  await sql.unsafe(`create type mood as enum ('calm'); create sequence tickets; create view v as select id from a;
    create materialized view m as select id from a; create index ix_a on a (n);
    create function one() returns integer language sql return 1;
    create function stamp() returns trigger language plpgsql as 'begin return new; end';
    alter table a add more text, add one integer not null default 1,
      add two integer not null generated always as identity, add three integer not null generated always as (1) stored;
    create table alembic_version (version_num varchar(32) not null primary key check (version_num <> ''));
    create unique index ix_alembic on alembic_version (lower(version_num));
    create trigger stamp before insert on alembic_version for each row execute function stamp();
    create trigger stamp instead of insert on v for each row execute function stamp();
    create unique index ix_m on m (id)`);
  const { differences, notes } = compareWithState(states, 1, await readActualSchema(sql));
  assert.deepEqual(differences, []);
  assert.deepEqual(notes, [
    "enum mood: no migration makes it",
    "sequence tickets: no migration makes it",
    "table alembic_version: no migration makes it",
    "column a.more: no migration makes it",
    "column a.one: no migration makes it",
    "column a.three: no migration makes it",
    "column a.two: no migration makes it",
    "index ix_a: no migration makes it",
    "index ix_m: no migration makes it",
    "trigger v.stamp: no migration makes it",
    "view v: no migration makes it",
    "materialized view m: no migration makes it",
    "function one(): no migration makes it",
    "function stamp(): no migration makes it",
  ]);
});

Deno.test("compareWithState() refuses what no file makes where it binds a table that the files make", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql.unsafe(`create table a (id integer primary key, n integer);
    create function stamp() returns trigger language plpgsql as 'begin return new; end'`);
  const states = [[], await readSchema(sql)];
  await sql.unsafe(`alter table a add more text not null, add constraint a_n check (n > 0), add unique (n),
      add foreign key (n) references a, add exclude using btree (n with =);
    create unique index ix_a on a (n) where n > 0;
    create trigger stamp before insert on a for each row execute function stamp();
    create rule drain as on insert to a do instead nothing`);
  const { differences, notes } = compareWithState(states, 1, await readActualSchema(sql));
  assert.deepEqual(notes, []);
  assert.deepEqual(formatDifferences(differences).map((line) => line.split(":")[0]), [
    "column a.more",
    "constraint a.a_n",
    "constraint a.a_n_excl",
    "constraint a.a_n_fkey",
    "constraint a.a_n_key",
    "index ix_a",
    "trigger a.stamp",
    "rule a.drain",
  ]);
});

Deno.test("compareWithState() calls it a difference what other files make, before or behind", () => {
  const names = (version: number, ...objects: SchemaObject[]) => {
    const { differences, notes } = compareWithState(STATES, version, found(...objects));
    assert.deepEqual(notes, []);
    return formatDifferences(differences);
  };
  assert.deepEqual(names(1, table("a"), check("a_n"), INDEX, table("b")), ["table b: wanted nothing, found table"]);
  assert.deepEqual(names(4, table("a"), check("a_n"), INDEX, table("b")), [
    "index ix_a: wanted nothing, found CREATE INDEX",
  ]);
});

Deno.test("compareWithState() notes a dropped check that is the wanted one, and no other", () => {
  const missing = "constraint a.a_n: wanted CHECK ((n > 0)), found nothing";
  for (
    const [name, condition, isNote] of [["a_n", "(n > 0)", true], ["a_n", "(n > 1)", false], ["a_m", "(n > 0)", false]]
      .map(([name, condition, isNote]) => [String(name), String(condition), Boolean(isNote)] as const)
  ) {
    const actual = { objects: [table("a"), INDEX], droppedChecks: [{ table: "a", name, condition }] };
    const { differences, notes } = compareWithState(STATES, 1, actual);
    assert.deepEqual([formatDifferences(differences), notes.length], isNote ? [[], 1] : [[missing], 0]);
  }
});

Deno.test("findState() gives the first file after which the schema is the same", () => {
  assert.equal(findState(STATES, found(table("a"), check("a_n"), INDEX)), 1);
  assert.equal(findState(STATES, found(table("a"), check("a_n"), INDEX, table("b"), table("feedback"))), 3);
  assert.equal(findState(STATES, found(table("a"), check("a_n"), table("b"))), 4);
  assert.equal(findState(STATES, found(table("a"), table("b"))), undefined);
  assert.equal(findState(STATES, found()), undefined);
});
