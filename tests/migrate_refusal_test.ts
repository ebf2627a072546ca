import assert from "node:assert/strict";
import { freePort } from "../tasks/lib/postgres/free_port.ts";
import { migrateHere } from "./support/migrate_here.ts";
import { createProject, relations } from "./support/migrations.ts";

const FIRST = { "0001_first.sql": "create table a (id int primary key);\n" };
const SECOND = { "0002_second.sql": "create table b (id int primary key);\n" };
const THIRD = { "0003_third.sql": "create table c (id int primary key);\n" };

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("migrate refuses bad files together, before it connects", async () => {
  await using project = await createProject({
    ...FIRST,
    "0002_latin1.sql": new Uint8Array([...utf8("select '"), 0xe9, ...utf8("';")]),
    "0003_utf16.sql": new Uint8Array([0xff, 0xfe, 0x73, 0]),
    "0004_nul.sql": "select 1;\0",
    "0005_empty.sql": "-- nothing yet\n",
    "0006_directive.sql": "-- migrate: no transaction\nselect 1;\n",
    "0007_commit.sql": "select 1;\n  commit;\n",
    "0008_psql.sql": "\\copy a from 'a.csv'\n",
    "0009_copy.sql": "copy a from stdin;\n",
    "0010_two.sql": "-- migrate: no-transaction\nselect 1; select 2;\n",
    "0011_open.sql": "select 'never closed;\n",
    "0013_gap.sql": "select 1;\n",
    "0013_twice.sql": "select 1;\n",
    "14_short.sql": "select 1;\n",
    "0015-dash.sql": "select 1;\n",
    "0016_Upper.SQL": "select 1;\n",
  });
  const nobody = `postgres://user@127.0.0.1:${await freePort()}/db`;
  const { code, stderr } = await project.migrateWith({ DATABASE_URL: nobody });
  assert.equal(code, 3);
  const findings = [
    "0002_latin1.sql: it is not UTF-8",
    "0003_utf16.sql: it is UTF-16",
    "0004_nul.sql: it holds a NUL byte",
    "0005_empty.sql:1:1: it holds no statement",
    "0006_directive.sql:1:1: this looks like a directive",
    '0007_commit.sql:2:3: "commit" would end',
    "0008_psql.sql:1:1: psql commands",
    "0009_copy.sql:1:1: COPY FROM STDIN",
    "0010_two.sql:2:11: a file without a transaction holds one statement",
    "0011_open.sql:1:8: a string begins here",
    "0012_*.sql: the number is missing",
    "0013_twice.sql: 0013_gap.sql has the same number",
    "14_short.sql: the name",
    "0015-dash.sql: the name",
    "0016_Upper.SQL: the name",
  ];
  for (const finding of findings) assert.ok(stderr.includes(`  sql/migrations/${finding}`), `${finding}\n${stderr}`);
  assert.equal(stderr.includes("connect"), false);
});

Deno.test("migrate tells a directory without migrations from an empty one", async () => {
  await using project = await createProject();
  assert.equal((await project.migrate()).code, 0);
  await Deno.remove(`${project.directory}/sql`, { recursive: true });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 2);
  assert.match(stderr, /"sql\/migrations": there is no such directory/);
});

Deno.test("migrate takes the same checksum from a checkout with a byte order mark and CRLF", async () => {
  await using project = await createProject({ "0001_first.sql": "create table a (\n  id int\n);\n" });
  assert.equal((await project.migrate()).code, 0);
  await project.write({ "0001_first.sql": "\ufeffcreate table a (\r\n  id int\r\n);\r\n" });
  assert.equal((await project.migrate("--check")).code, 0);
});

Deno.test("migrate refuses edited, renamed, missing and late files together", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND, ...THIRD, "0004_fourth.sql": "select 4;\n" });
  assert.equal((await project.migrate()).code, 0);
  await project.database.sql`delete from public.schema_migrations where version = 3`;
  await project.write({ "0001_first.sql": "select 'edited';\n", "0002_renamed.sql": SECOND["0002_second.sql"] });
  await project.remove("0002_second.sql");
  await project.remove("0004_fourth.sql");
  const { code, stderr } = await project.migrate();
  assert.equal(code, 3);
  assert.match(stderr, /0001_first\.sql: it was edited .*--accept-edit 1/);
  assert.match(stderr, /0002_renamed\.sql: it was applied as 0002_second\.sql; .*--accept-edit 2/);
  assert.match(stderr, /0003_third\.sql: it is older .*--allow-out-of-order/);
  assert.match(stderr, /0004_fourth\.sql: it was applied and its file is gone/);
  const results = await Promise.all([project.migrate("--check"), project.migrate("--dry-run")]);
  assert.deepEqual(results.map(({ code }) => code), [3, 3]);
  const status = await project.migrate("--status");
  assert.equal(status.code, 3);
  assert.match(
    status.stdout,
    /^edited .*\nrenamed .*\nlate .*\nmissing .*\n4 migrations, 0 pending, 1 late, 1 edited, 1 renamed, 1 missing: files and ledger disagree\n$/,
  );
  const asJson = await project.migrate("--status", "--json");
  assert.equal(asJson.code, 3);
  assert.equal(JSON.parse(asJson.stdout).conflicts.length, 4);
  assert.equal((await project.migrate("--status", "--allow-out-of-order")).code, 3);
});

Deno.test("migrate --status with nothing but pending files ends with 0", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND });
  assert.equal((await project.migrate("--to", "1")).code, 0);
  const { code, stdout } = await project.migrate("--status");
  assert.deepEqual([code, stdout.split("\n").at(-2)], [0, "2 migrations, 1 pending"]);
});

Deno.test("migrate --accept-edit takes an edited file as it is, once", async () => {
  await using project = await createProject(FIRST);
  assert.equal((await project.migrate()).code, 0);
  await project.write({ "0001_first.sql": "create table a (id int primary key); -- the same\n", ...SECOND });
  assert.equal((await project.migrate()).code, 3);
  await project.database.sql.unsafe(`alter database ${project.database.name} set default_transaction_read_only = on`);
  const accepted = await project.migrate("--accept-edit", "1", "--quiet");
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.match(accepted.stdout, /^Accepted 0001_first\.sql on \S+ as it is now\nApplied 1 migration to \S+\n$/);
  assert.deepEqual(await project.ledger(), ["0001_first.sql", "0002_second.sql"]);
  const again = await project.migrate("--accept-edit", "1");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /was not edited/);
  await project.write(FIRST);
  const { accepted: names, applied } = JSON.parse((await project.migrate("--accept-edit", "1", "--json")).stdout);
  assert.deepEqual([names, applied], [["0001_first.sql"], []]);
});

Deno.test("migrate --allow-out-of-order applies a late file", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND });
  assert.equal((await project.migrate()).code, 0);
  await project.database.sql`delete from public.schema_migrations where version = 1`;
  await project.database.sql`drop table public.a`;
  assert.equal((await project.migrate("--allow-out-of-order")).code, 0);
  assert.deepEqual(await project.ledger(), ["0001_first.sql", "0002_second.sql"]);
});

Deno.test("migrate refuses a database with tables and no ledger, by name", async () => {
  await using project = await createProject(FIRST);
  await project.database.sql`create table orders (id int)`;
  const { code, stderr } = await project.migrate();
  assert.equal(code, 3);
  assert.match(stderr, /@127\.0\.0\.1:\d+\/test_\w+": it holds orders and .*--baseline N/);
  assert.deepEqual(await relations(project.database), ["orders"]);
});

Deno.test("migrate takes a database with an empty schema for empty", async () => {
  await using project = await createProject(FIRST);
  await project.database.sql`create schema own`;
  assert.equal((await project.migrate()).code, 0);
});

Deno.test("migrate refuses another tool's schema_migrations", async () => {
  await using project = await createProject(FIRST);
  await project.database
    .sql`create table public.schema_migrations (version bigint primary key, dirty boolean not null)`;
  const results = await Promise.all([project.migrate(), project.migrate("--baseline", "1")]);
  for (const { code, stderr } of results) {
    assert.equal(code, 3);
    assert.match(stderr, /table public\.schema_migrations belongs to another tool/);
  }
  const [{ columns }] = await project.database.sql`
    select count(*)::int as columns from information_schema.columns where table_name = 'schema_migrations'`;
  assert.equal(columns, 2);
});

Deno.test("migrate --baseline adopts a database that is what its files make", async () => {
  await using project = await createProject({ ...FIRST, ...SECOND, ...THIRD });
  await project.database.sql`create table a (id int primary key)`;
  await project.database.sql`create table b (id int primary key)`;
  const wrong = await project.migrate("--baseline", "3");
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /is not what the files up to 0003_third\.sql make[^]*\bc\b/);
  assert.deepEqual(await project.ledger(), []);
  await project.database.sql`create index by_hand on a (id)`;
  const right = await project.migrate("--baseline", "2", "--json");
  assert.equal(right.code, 0, right.stderr);
  const { baseline, notes } = JSON.parse(right.stdout);
  assert.deepEqual(baseline, ["0001_first.sql", "0002_second.sql"]);
  assert.deepEqual(notes, ["index by_hand: no migration makes it"]);
  const rows = await project.database.sql`select version, kind from public.schema_migrations order by 1`;
  assert.deepEqual(rows.map(({ version, kind }) => [version, kind]), [[1, "baseline"], [2, "baseline"]]);
  assert.equal((await project.migrate()).code, 0);
  assert.deepEqual(await project.ledger(), ["0001_first.sql", "0002_second.sql", "0003_third.sql"]);
  const again = await project.migrate("--baseline", "3");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /has rows already/);
});

Deno.test("migrate shows row values of a local database only", async () => {
  await using project = await createProject({
    "0001_first.sql": "create table a (id int primary key, secret text);\ninsert into a values (1, 'x'), (1, 'y');\n",
  });
  assert.match((await project.migrate()).stderr, /Key \(id\)=\(1\) already exists/);
});

Deno.test("migrate words what the server says at every way in", async () => {
  await using project = await createProject(FIRST);
  const { sql, url } = project.database;
  const columns = "'' as name, '' as checksum, '' as kind, now() as applied_at, '' as applied_by, 0 as duration_ms";
  await sql.unsafe(`create view public.schema_migrations as select 1 / (random() * 0)::int as version, ${columns}`);
  const expected = /^Cannot migrate database "[^"]+": division by zero \(22012\); correct that and run it again\n?$/;
  for (const args of [[], ["--status"], ["--rehearse"], ["--baseline", "1"]]) {
    const { code, stderr } = await project.migrate(...args);
    assert.deepEqual([code, expected.test(stderr)], [1, true], stderr);
  }
  await assert.rejects(migrateHere(url, FIRST), { name: "TaskError", message: expected });
});
