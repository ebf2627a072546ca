import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";

Deno.test("db:diff ends with 0 after migrate and with 4 and the names of what was changed by hand", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  const equal = await runCommand("db:diff", [], { env });
  assert.deepEqual([equal.code, equal.stderr], [0, ""]);
  assert.match(equal.stdout, /^postgres@127\.0\.0\.1:\d+\/test_\w+ is what \d+ migrations make\n$/);

  await database.sql.unsafe(`alter table checks add note text, alter env set default 'local', alter seed type bigint;
    alter table users add constraint users_plan_known check (plan <> ''), alter email drop not null;
    create index ix_users_plan on users (plan); drop index ix_checks_env; alter table sessions drop constraint sessions_pkey`);
  const different = await runCommand("db:diff", [], { env });
  assert.equal(different.code, 4);
  assert.deepEqual(different.stdout.trim().split("\n"), [
    "column checks.env: wanted character varying(16) not null, found character varying(16) not null default 'local'",
    "column checks.seed: wanted numeric(20,0), found bigint",
    "column users.email: wanted character varying(320) not null, found character varying(320)",
    "constraint sessions.sessions_pkey: wanted PRIMARY KEY (id), found nothing",
    "constraint users.users_plan_known: wanted nothing, found CHECK (((plan)::text <> ''::text))",
    "index ix_checks_env: wanted CREATE INDEX ix_checks_env ON public.checks USING btree (env), found nothing",
    "note: column checks.note: no migration makes it",
    "note: index ix_users_plan: no migration makes it",
  ]);
  assert.match(different.stderr, /differs in 6 objects .*; run deno task migrate where files are pending, else .*\n$/);
});

Deno.test("db:diff --json lists a migration's table that is missing once", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  await database.sql.unsafe("drop table anonymous_usage, schema_migrations");
  const { code, stdout } = await runCommand("db:diff", ["--json", "--quiet"], { env });
  assert.equal(code, 4);
  const { differences, notes } = JSON.parse(stdout);
  assert.deepEqual(differences, [{ kind: "table", name: "anonymous_usage", wanted: "table", found: null }]);
  assert.deepEqual(notes, []);
});

Deno.test("db:diff names who has locked a table, and does not wait without end", async () => {
  await using database = await createTestDatabase();
  const { sql, url } = database;
  await sql.unsafe("create table locked (id int default 1)");
  await sql.unsafe("begin; lock table locked");
  const { code, stdout, stderr } = await runCommand("db:diff", [], { env: { DATABASE_URL: url } });
  assert.deepEqual([code, stdout], [5, ""]);
  assert.match(stderr, /^Cannot read schema "public": a table is locked by process \d+ \(.* on locked\); wait for /);
});
