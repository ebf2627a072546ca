import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";
import { BUSY_RUNNER, createProject, finish, relations, waitForRow } from "./support/migrations.ts";

const FIRST = { "0001_first.sql": "create table a (id int primary key);\n" };
const SECOND = { "0002_second.sql": "create table b (id int primary key);\n" };

Deno.test("migrate applies the project's own files once, under deno.json's permissions", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  const first = await runCommand("migrate", [], { env });
  assert.equal(first.code, 0, first.stderr);
  const [{ columns }] = await database.sql`
    select count(*)::int as columns from information_schema.columns where table_name = 'checks'`;
  assert.equal(columns, 74);
  const [{ valid }] = await database.sql`
    select bool_and(indisvalid) as valid from pg_index where indexrelid in
      ('ix_checks_created_at'::regclass, 'ix_checks_request_id'::regclass)`;
  assert.equal(valid, true);
  const second = await runCommand("migrate", [], { env });
  assert.equal(second.code, 0);
  assert.match(second.stdout, /^Nothing to do/);
});

Deno.test("migrate works on the embedded database", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id on a (id);\n",
  });
  const env = { DATABASE_URL: "" };
  const first = await project.migrateWith(env);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /embedded database/);
  const status = await project.migrateWith(env, "--status", "--json");
  assert.deepEqual(JSON.parse(status.stdout).migrations.map(({ state }: { state: string }) => state), [
    "applied",
    "applied",
  ]);
});

Deno.test("migrate records version, name, checksum, kind, user and duration", async () => {
  await using project = await createProject(FIRST);
  assert.equal((await project.migrate()).code, 0);
  const [row] = await project.database.sql`
    select version, name, checksum, kind, applied_by = current_user as by, duration_ms >= 0 as duration,
      applied_at > now() - interval '1 minute' as fresh from public.schema_migrations`;
  const checksum = createHash("sha256").update(FIRST["0001_first.sql"]).digest("hex");
  const expected = { version: 1, name: "0001_first.sql", checksum, kind: "applied" };
  assert.deepEqual({ ...row }, { ...expected, by: true, duration: true, fresh: true });
});

Deno.test("migrate rolls a failing file back and keeps the files before it", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_second.sql": "create table b (id int);\n\n\tinsert into 'oops' values (1);\n",
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /Cannot apply migration "0002_second\.sql": syntax error .*rolled back/);
  assert.match(
    stderr,
    /at sql\/migrations\/0002_second\.sql:3:14\n {2}\| {3}insert into 'oops' values \(1\);\n {2}\| {15}\^/,
  );
  assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
  assert.deepEqual(await relations(project.database), ["a", "a_pkey"]);
  await project.write(SECOND);
  assert.equal((await project.migrate()).code, 0);
  assert.deepEqual(await project.ledger(), ["0001_first.sql", "0002_second.sql"]);
});

Deno.test("migrate leaves nothing behind when the first file fails", async () => {
  await using project = await createProject({ "0001_first.sql": "create table a (id int);\nselect 1/0;\n" });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /division by zero \(22012\), rolled back/);
  assert.match(stderr, /0001_first\.sql:2:1\n/, "a failure without a position points to its statement");
  const [{ ledger }] = await project.database.sql`select to_regclass('public.schema_migrations') as ledger`;
  assert.equal(ledger, null);
  assert.deepEqual(await relations(project.database), []);
});

Deno.test("migrate counts columns in code points", async () => {
  await using project = await createProject({ "0001_first.sql": "select '😀😀', nope;\n" });
  assert.match((await project.migrate()).stderr, /0001_first\.sql:1:14\n/);
});

Deno.test("migrate finds a deferred violation in the file that makes it", async () => {
  await using project = await createProject({
    "0001_first.sql": "create table a (id int primary key, b int references a deferrable initially deferred);\n" +
      "insert into a values (1, 2);\n",
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /Cannot apply migration "0001_first\.sql": .*foreign key.*rolled back/);
  assert.deepEqual(await project.ledger(), []);
});

Deno.test("migrate --to stops behind its file", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND });
  assert.equal((await project.migrate("--to", "1")).code, 0);
  assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
});

Deno.test("migrate --dry-run and --check tell what is pending and run nothing", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND });
  const [dryRun, check] = await Promise.all([project.migrate("--dry-run"), project.migrate("--check")]);
  assert.equal(dryRun.code, 0);
  assert.match(dryRun.stdout, /2 migrations pending .*\n {2}0001_first\.sql\n {2}0002_second\.sql\n/);
  assert.equal(check.code, 4);
  assert.deepEqual(await relations(project.database), []);
  assert.equal((await project.migrate("--json")).code, 0);
  assert.equal((await project.migrate("--check")).code, 0);
});

Deno.test("migrate --json prints one JSON value on stdout", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND });
  const applied = JSON.parse((await project.migrate("--json", "--to", "1")).stdout);
  assert.deepEqual(applied.applied.map(({ name }: { name: string }) => name), ["0001_first.sql"]);
  const { migrations } = JSON.parse((await project.migrate("--status", "--json")).stdout);
  assert.deepEqual(migrations.map(({ state }: { state: string }) => state), ["applied", "pending"]);
});

Deno.test("migrate --rehearse runs the pending files and rolls them back", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id on a (id);\n",
    "0003_third.sql": "insert into a values (1);\n",
  });
  const { name, sql } = project.database;
  await sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
  const good = await project.migrate("--rehearse");
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stderr, /Not rehearsed: 0002_index\.sql/);
  assert.match(good.stdout, /Rehearsed 2 migrations .*rolled back; 1 left out/);
  await project.write({ "0003_third.sql": "insert into a values (1), (1);\n" });
  const bad = await project.migrate("--rehearse");
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /0003_third\.sql:1:1/);
  assert.deepEqual(await relations(project.database), []);
  assert.deepEqual(await project.ledger(), []);
});

Deno.test("migrate --rehearse on prod asks first", async () => {
  await using project = await createProject(FIRST);
  const env = { DATABASE_URL_PROD: project.database.url };
  const asked = await project.migrateWith(env, "--rehearse", "--env", "prod");
  assert.equal(asked.code, 3);
  assert.match(asked.stderr, /pass --yes/);
  assert.equal((await project.migrateWith(env, "--rehearse", "--env", "prod", "--yes")).code, 0);
});

Deno.test("migrate gives every file the same session, whatever the last one did to it", async () => {
  const role = `role_${crypto.randomUUID().slice(0, 8)}`;
  await using project = await createProject({
    "0001_first.sql": `create schema other;\ncreate role ${role};\nset search_path to other;\n` +
      `set lock_timeout = 1;\ncreate temp table checks (id int);\nset role ${role};\n`,
    "0002_second.sql": "create table seen as select current_user::text as role, session_user::text as login,\n" +
      "  current_setting('search_path') as path, current_setting('lock_timeout') as timeout,\n" +
      "  to_regclass('checks') is null as clean;\n",
    "0003_third.sql": `drop role ${role};\n`,
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 0, stderr);
  const [seen] = await project.database.sql`select * from public.seen`;
  assert.equal(seen.role, seen.login);
  assert.deepEqual([seen.path, seen.timeout, seen.clean], ["public", "5s", true]);
});

Deno.test("migrate hints at a statement that cannot run in a transaction", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_index.sql": "create index concurrently a_id on a (id);\n",
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /\(25001\), rolled back.*\n[^]*Hint: .*-- migrate: no-transaction/);
});

Deno.test("migrate hints at an enum value that is used too early", async () => {
  await using project = await createProject({
    "0001_first.sql": "create type mood as enum ('sad');\n",
    "0002_second.sql": "alter type mood add value 'glad';\nselect 'glad'::mood;\n",
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /\(55P04\)[^]*0002_second\.sql:2:8[^]*Hint: .*next file/);
});

Deno.test("migrate hints at a right that the role lacks", async () => {
  await using project = await createProject(FIRST);
  const role = `${project.database.name}_role`;
  await project.database.sql.unsafe(`create role ${role} login`);
  const url = new URL(project.database.url);
  url.username = role;
  const { code, stderr } = await project.migrateWith({ DATABASE_URL: url.href });
  await project.database.sql.unsafe(`drop role ${role}`);
  assert.equal(code, 1);
  assert.match(stderr, /\(42501\)[^]*Hint: the role/);
});

Deno.test("migrate refuses flags that exclude each other and numbers without a file", async () => {
  await using project = await createProject(FIRST);
  const calls = [
    ["--status", "--check"],
    ["--baseline", "1", "--rehearse"],
    ["--baseline", "1", "--to", "1"],
    ["--status", "--to", "1"],
    ["--check", "--accept-edit", "1"],
    ["--accept-edit", "x"],
    ["--to", "2"],
    ["--to", "0"],
    ["--nonsense"],
    ["extra"],
  ];
  const results = await Promise.all(calls.map((call) => project.migrate(...call)));
  assert.deepEqual(results.map(({ code }) => code), calls.map(() => 2));
  for (const { stderr } of results) assert.match(stderr, /^Cannot run task "migrate": .*; /);
});

Deno.test("migrate tells how many files were applied and are left when one fails", async () => {
  await using project = await createProject({
    ...FIRST,
    ...SECOND,
    "0003_third.sql": "select 1/0;\n",
    "0004_fourth.sql": "select 4;\n",
  });
  const { code, stderr } = await project.migrate("--quiet");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Cannot apply migration "0003_third\.sql"[^]*\n {2}2 migrations applied before it, 1 left behind it\n$/,
  );
});

Deno.test("migrate tells how many files were applied and are left when it is interrupted", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_slow.sql": "select pg_sleep(30);\n",
    "0003_last.sql": "select 3;\n",
  });
  const child = project.start("--json", "--quiet");
  await waitForRow(project.database, BUSY_RUNNER);
  child.kill("SIGINT");
  const { code, stdout, stderr } = await finish(child);
  const lines = ["Interrupted migrate after 1 migration, 2 left; nothing half done is visible"];
  assert.deepEqual([code, stderr], [130, `${lines}\n`]);
  assert.deepEqual(JSON.parse(stdout), { error: { lines, exitCode: 130 } });
});
