import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { diffSchemas, formatDifferences, type SchemaObject } from "./schema.ts";
import { readSchema } from "./read.ts";
import { buildSchemas } from "./scratch.ts";

/** Every kind of object and the definitions that servers could print in different ways. */
const RICH = `
create type mood as enum ('calm', 'it''s loud');
create sequence tickets as integer start 5 increment 2;
create table users (
  id uuid not null default gen_random_uuid(), email varchar(320) not null, plan varchar(32) not null default 'trial',
  created_at timestamptz not null default now(), since timestamptz default '2020-01-01 00:00:00+02',
  score numeric(12,6) default 0.5, "K" bigint not null, feeling mood default 'calm', name text collate "C",
  pause interval default '1 day 02:00', raw bytea default '\\xff', born date default '2020-02-01',
  constraint users_pkey primary key (id), constraint uq_users_email unique (email),
  constraint users_score_range check (score between 0 and 1 and "K" in (1, 2))
);
create table checks (
  id bigint generated always as identity primary key, number integer default nextval('tickets'), total serial,
  user_id uuid references users on delete set null, p double precision default 'NaN', twice bigint generated always as (id * 2) stored,
  nested jsonb default '{}', tags text[] default '{a,b}', made timestamp(3) without time zone,
  exclude using btree (number with =)
);
alter table checks add constraint checks_p_range check (p >= 0 and p <= 1) not valid;
create index ix_checks_user on checks (user_id) where p is not null;
create unique index ix_users_lower on users (lower(email) desc nulls last) include (plan) nulls not distinct with (fillfactor = 70);
create function touch() returns trigger language plpgsql as $$ begin new.since := now(); return new; end $$;
create function plus(a int, b int default 1) returns int language sql immutable begin atomic select a + b; end;
create trigger touch_users before update on users for each row when (old.email <> new.email) execute function touch();
create view busy as select u.email, count(*) as n, max(c.p) from users u join checks c on c.user_id = u.id group by u.email having count(*) > 1;
create materialized view totals as select plan, sum(score) over (partition by plan order by email) from users;
create table days (dt date not null, n int) partition by range (dt);
create table schema_migrations (version int primary key);
comment on table users is 'people';
`;

Deno.test("readSchema() reads the same from Postgres 16 and from the scratch database", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe(RICH);
  await database.sql.unsafe("create index concurrently ix_checks_p on checks (p)");
  const actual = await readSchema(database.sql);
  const states = await buildSchemas([
    { name: "0001_rich.sql", text: RICH },
    {
      name: "0002_index.sql",
      text: "-- migrate: no-transaction\ncreate index concurrently ix_checks_p on checks (p);\n",
    },
  ]);
  assert.deepEqual(states.at(-1), actual);
  assert.equal(new Set(actual.map(({ kind }) => kind)).size, 10);
});

Deno.test("readSchema() reads the same whatever the session's settings are", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe(RICH);
  const plain = await readSchema(database.sql);
  await database.sql.unsafe(`create schema elsewhere; set search_path = elsewhere, public; set timezone = 'Asia/Tokyo';
    set datestyle = 'German'; set intervalstyle = 'iso_8601'; set bytea_output = 'escape';
    set quote_all_identifiers = on; set extra_float_digits = -5`);
  assert.deepEqual(await readSchema(database.sql), plain);
  const [settings] = await database
    .sql`select current_setting('search_path') as path, current_setting('timezone') as zone`;
  assert.deepEqual({ ...settings }, { path: "elsewhere, public", zone: "Asia/Tokyo" });
});

Deno.test("diffSchemas() finds what was changed by hand in a real database", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe(`create table a (id int primary key, n bigint not null default 1, t text);
    create index ix_a_n on a (n); create table gone (id int primary key); create index ix_gone on gone (id)`);
  const wanted = await readSchema(database.sql);
  await database.sql.unsafe(`drop table gone; create table extra (id int primary key, t text);
    alter table a alter n type numeric(20,0), alter n set default 2, drop t, add "T" text not null,
      add constraint a_n_positive check (n > 0) not valid;
    drop index ix_a_n; create index ix_a_t on a ("T");
    update pg_index set indisvalid = false where indexrelid = 'ix_a_t'::regclass`);
  assert.deepEqual(formatDifferences(diffSchemas(wanted, await readSchema(database.sql))), [
    "table extra: wanted nothing, found table",
    "table gone: wanted table, found nothing",
    'column a."T": wanted nothing, found text not null',
    "column a.n: wanted bigint not null default 1, found numeric(20,0) not null default 2",
    "column a.t: wanted text, found nothing",
    "constraint a.a_n_positive: wanted nothing, found CHECK ((n > (0)::numeric)) NOT VALID",
    "index ix_a_n: wanted CREATE INDEX ix_a_n ON public.a USING btree (n), found nothing",
    'index ix_a_t: wanted nothing, found CREATE INDEX ix_a_t ON public.a USING btree ("T") (invalid)',
  ]);
});

Deno.test("diffSchemas() is empty for equal schemas in any order", () => {
  const objects: SchemaObject[] = [
    { kind: "table", table: "a", name: "a", definition: "table", binding: false },
    { kind: "column", table: "a", name: "a.id", definition: "integer", binding: false },
  ];
  assert.deepEqual(diffSchemas(objects, objects.toReversed()), []);
});

Deno.test("readSchema() leaves out what an extension owns", async () => {
  await using database = await createTestDatabase();
  const plain = await readSchema(database.sql);
  await database.sql.unsafe("create extension pg_stat_statements");
  assert.deepEqual(await readSchema(database.sql), plain);
});
