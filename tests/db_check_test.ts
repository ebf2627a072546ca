import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";

Deno.test("db:check ends with 0 for a migrated database, as text and as JSON", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  const text = await runCommand("db:check", [], { env });
  assert.deepEqual([text.code, text.stderr], [0, ""]);
  assert.match(
    text.stdout,
    /^postgres@127\.0\.0\.1:\d+\/test_\w+ is healthy\nserver +PostgreSQL 16\.\d+, no TLS, primary/,
  );
  assert.match(text.stdout, /\nmigrations +\d+ applied, 0 pending\n/);
  assert.match(text.stdout, /\n {12}users 0\n/);
  const { code, stdout } = await runCommand("db:check", ["--json"], { env });
  assert.equal(code, 0);
  const { healthy, problems, server, ledger } = JSON.parse(stdout);
  assert.deepEqual([healthy, problems, ledger.pending, server.major], [true, [], [], 16]);
});

Deno.test("db:check ends with 1 and says what is pending, edited and invalid", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  const empty = await runCommand("db:check", [], { env });
  assert.equal(empty.code, 1);
  assert.match(empty.stdout, /is not healthy\n/);
  assert.match(empty.stdout, /problem +\d+ migrations are pending, from 0001_\w+\.sql; run deno task migrate\n/);
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  await database.sql.unsafe(`update schema_migrations set checksum = 'x' where version = 2;
    update pg_index set indisvalid = false where indexrelid = 'ix_checks_env'::regclass`);
  const { code, stdout } = await runCommand("db:check", [], { env });
  assert.equal(code, 1);
  assert.match(stdout, /problem +0002_\w+\.sql: it was edited after it was applied; /);
  assert.match(stdout, /problem +invalid indexes: ix_checks_env; /);
});

Deno.test("db:check calls a database that another tool made unhealthy", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table orders (id int)");
  const { code, stdout } = await runCommand("db:check", ["--json"], { env: { DATABASE_URL: database.url } });
  assert.equal(code, 1);
  assert.match(JSON.parse(stdout).problems[0], /it holds orders and no ledger/);
});

Deno.test("db:check --json of a server that is not there is JSON too, without the password", async () => {
  const { code, stdout, stderr } = await runCommand("db:check", ["--json", "--wait", "1"], {
    env: { DATABASE_URL: "postgresql://u:topsecret@127.0.0.1:1/shop" },
  });
  assert.equal(code, 1);
  const { healthy, problems } = JSON.parse(stdout);
  assert.equal(healthy, false);
  assert.match(problems[0], /^Cannot connect to "u@127\.0\.0\.1:1\/shop": nothing listens there; /);
  assert.doesNotMatch(stdout + stderr, /topsecret/);
});

Deno.test("db:check does not wait for whoever has locked a table", async () => {
  await using database = await createTestDatabase();
  const { name, sql, url } = database;
  await sql.unsafe(`create table locked (id int); create table "I'm" (id int)`);
  await sql.unsafe("begin; lock table locked");
  const running = runCommand("db:check", [], { env: { DATABASE_URL: url } });
  const timer = setTimeout(() => sql.unsafe("commit").catch(() => {}), 30_000);
  const { stdout } = await running.finally(() => clearTimeout(timer));
  assert.match(stdout, new RegExp(`${name} is not healthy`));
  assert.match(stdout, /\n.* I'm 0\n.* locked unknown \(not readable, locked, /);
});

Deno.test("db:check of a table that row security hides is one line, not a stack trace", async () => {
  await using database = await createTestDatabase();
  const role = `role_${database.name.slice(5, 20)}`;
  await database.sql.unsafe(`create table hidden (id int); alter table hidden enable row level security;
    create role ${role} login; alter role ${role} set row_security = off; grant select on hidden to ${role}`);
  const url = new URL(database.url);
  url.username = role;
  const { code, stdout, stderr } = await runCommand("db:check", [], { env: { DATABASE_URL: url.href } });
  await database.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^Cannot check database "role_\w+@\S+": query would be affected by row-level security .*\(42501\); .*\n$/,
  );
});
