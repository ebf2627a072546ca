import assert from "node:assert/strict";
import { applyMigration } from "../tasks/lib/migration/apply.ts";
import { type Migration, readMigrations } from "../tasks/lib/migration/files.ts";
import { takeMigrationLock } from "../tasks/lib/migration/lock.ts";
import { migrate } from "../tasks/lib/migration/run.ts";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { openDatabase } from "../tasks/lib/postgres/database.ts";
import { scanSql } from "../tasks/lib/sql/scan.ts";
import { openReport } from "../tasks/lib/task/console.ts";
import { parseDatabaseUrl } from "../tasks/lib/task/target.ts";
import { connectTo, createTestDatabase } from "./support/database.ts";
import { runOn } from "./support/migrate_here.ts";
import { createProject, finish, relations, waitForRow } from "./support/migrations.ts";

const FIRST = { "0001_first.sql": "create table a (id int);\n" };
const INDEX = { "0002_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id on a (id);\n" };

const SILENTLY = { report: openReport({ quiet: true }) };

const TRACE = "select nextval('trace')";

/** A file that leaves a trace even where it is rolled back. */
const traced = (transaction: boolean): Migration => ({
  version: 1,
  name: "0001_a.sql",
  path: "a",
  text: TRACE,
  statements: scanSql(TRACE).statements,
  checksum: "",
  transaction,
});

function applyTo(sql: Sql, migration: Migration, isPooled = false): Promise<number> {
  return applyMigration(runOn(sql, { isPooled }), migration, 1000);
}

for (const transaction of [true, false]) {
  const kind = transaction ? "a file" : "a file without a transaction";

  Deno.test(`applyMigration() runs nothing of ${kind} while the lock is another session's`, async () => {
    await using database = await createTestDatabase();
    await database.sql`create sequence trace`;
    const runner = await connectTo(database.url);
    await using _runner = runner;
    const nobody = applyTo(runner, traced(transaction));
    await assert.rejects(nobody, /lost the lock, .* nothing more was run/);
    await using _lock = await takeMigrationLock(runOn(database.sql));
    await assert.rejects(applyTo(runner, traced(transaction)), /lost the lock, .* nothing more was run/);
    const [{ used }] = await database.sql`select is_called as used from trace`;
    assert.equal(used, false);
    assert.equal(typeof await applyTo(database.sql, traced(transaction)), "number");
  });
}

Deno.test("applyMigration() asks for a pooler again before a file without a transaction", async () => {
  await using database = await createTestDatabase();
  await database.sql`create sequence trace`;
  await using _lock = await takeMigrationLock(runOn(database.sql));
  await assert.rejects(applyTo(database.sql, traced(false), true), (error: Error & { exitCode?: number }) => {
    assert.match(error.message, /a pooler in transaction mode stands before it/);
    assert.equal(error.exitCode, 3);
    return true;
  });
  const [{ used }] = await database.sql`select is_called as used from trace`;
  assert.equal(used, false);
});

Deno.test("migrate --rehearse waits for a table no longer than --wait, and names who has it", async () => {
  await using project = await createProject(FIRST);
  assert.equal((await project.migrate()).code, 0);
  await project.write({ "0002_second.sql": "alter table a add column b int;\n" });
  const reader = await connectTo(project.database.url);
  await using _reader = reader;
  await reader.unsafe("begin; select from a");
  const start = performance.now();
  const { code, stderr } = await project.migrate("--rehearse", "--wait", "1");
  assert.equal(code, 5, stderr);
  assert.match(stderr, /"0002_second\.sql": a table it changes is locked by process \d+ .* on a\), rolled back/);
  assert.ok(performance.now() - start < 5000);
});

Deno.test("migrate builds an index behind a transaction that is older than any wait for a lock", async () => {
  await using project = await createProject({ ...FIRST, ...INDEX });
  assert.equal((await project.migrate("--to", "1")).code, 0);
  const old = await connectTo(project.database.url);
  await using _old = old;
  await old.unsafe("begin; insert into a values (1)");
  const running = project.start("--wait", "1");
  await waitForRow(project.database, "select from pg_stat_progress_create_index");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await old.unsafe("commit");
  const { code, stderr } = await finish(running);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /again/);
});

Deno.test("migrate waits for a lock for as long as --wait says", async () => {
  await using project = await createProject(FIRST);
  const holder = await connectTo(project.database.url);
  await using _holder = holder;
  await using _lock = await takeMigrationLock(runOn(holder));
  const start = performance.now();
  const { code } = await project.migrate("--wait", "2");
  const seconds = (performance.now() - start) / 1000;
  assert.equal(code, 5);
  assert.ok(seconds >= 2 && seconds < 6, `${seconds} s`);
});

Deno.test("migrate takes no time limit, and no read-only transactions, from a database's settings", async () => {
  await using project = await createProject({
    "0001_first.sql": `create table a (id int);\n${"select 1;\n".repeat(30)}select pg_sleep(0.4);\n`,
  });
  const { name, sql } = project.database;
  const settings = ["statement_timeout = 300", "idle_in_transaction_session_timeout = 1", "lock_timeout = 1"];
  for (const setting of [...settings, "default_transaction_read_only = on", "search_path = pg_catalog"]) {
    await sql.unsafe(`alter database ${name} set ${setting}`);
  }
  const { code, stderr } = await project.migrate();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await relations(project.database), ["a"]);
});

Deno.test("migrate() leaves its session as new to what comes behind it, also where a file fails", async () => {
  const changes = "set search_path to pg_catalog; create temp table kept (id int); set role pg_monitor;\n";
  for (const end of ["", "select 1 / 0;\n"]) {
    await using project = await createProject({ "0001_first.sql": changes + end });
    await using database = await openDatabase(parseDatabaseUrl(project.database.url), SILENTLY);
    const run = migrate(database, await readMigrations(`${project.directory}/sql/migrations`), SILENTLY);
    await (end === "" ? run : assert.rejects(run, /division by zero/));
    const [session] = await database.sql`select current_setting('search_path') as path, current_setting('lock_timeout')
      as timeout, current_user = session_user as own, to_regclass('kept') is null as clean`;
    assert.deepEqual({ ...session }, { path: '"$user", public', timeout: "0", own: true, clean: true });
  }
});
