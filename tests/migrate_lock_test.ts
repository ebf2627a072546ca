import assert from "node:assert/strict";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { connectTo } from "./support/database.ts";
import {
  BUSY_RUNNER,
  createProject,
  finish,
  type MigrationProject,
  relations,
  waitForRow,
} from "./support/migrations.ts";

const FIRST = { "0001_first.sql": "create table a (id int);\ninsert into a values (1), (1);\n" };
const SLOW = { "0002_slow.sql": "create table b (id int);\nselect pg_sleep(30);\n" };
const INDEX = { "0002_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id on a (id);\n" };
const UNIQUE = { "0002_index.sql": "-- migrate: no-transaction\ncreate unique index concurrently a_id on a (id);\n" };

const IS_LOCKED = `select from pg_locks where locktype = 'advisory' and granted
  and database = (select oid from pg_database where datname = current_database())`;

/** A session that holds what it has locked until disposed. */
async function holdLock(project: MigrationProject, statement: string): Promise<{ sql: Sql } & AsyncDisposable> {
  const sql = await connectTo(project.database.url);
  await sql.unsafe(`begin; ${statement}`);
  return { sql, [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose]() };
}

async function isIndexValid({ database }: MigrationProject, name: string): Promise<boolean | undefined> {
  const [row] = await database.sql`select indisvalid as valid from pg_index where indexrelid = to_regclass(${name})`;
  return row?.valid;
}

Deno.test("eight runners at once apply every file once", async () => {
  await using project = await createProject({
    ...FIRST,
    ...INDEX,
    "0003_slow.sql": "select pg_sleep(0.3);\ninsert into a values (3);\n",
    "0004_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id_4 on a (id) where id > 1;\n",
    "0005_last.sql": "insert into a values (5);\n",
  });
  const results = await Promise.all(Array.from({ length: 8 }, () => project.migrate()));
  assert.deepEqual(results.map(({ code }) => code), Array(8).fill(0), results.map(({ stderr }) => stderr).join("\n"));
  assert.equal(results.flatMap(({ stderr }) => stderr.match(/^Applied/gm) ?? []).length, 5);
  assert.equal((await project.ledger()).length, 5);
  assert.equal((await project.database.sql`select from a where id > 1`).length, 2);
  assert.deepEqual([await isIndexValid(project, "a_id"), await isIndexValid(project, "a_id_4")], [true, true]);
});

Deno.test("migrate ends with 5 and the holder's process when another runner has the lock", async () => {
  await using project = await createProject({ ...FIRST, ...SLOW });
  const first = project.start();
  const { pid } = await waitForRow(project.database, BUSY_RUNNER);
  const second = await project.migrate("--wait", "0");
  assert.equal(second.code, 5);
  assert.match(second.stderr, new RegExp(`process ${pid} \\(user \\w+, from 127\\.0\\.0\\.1, since`));
  assert.equal((await project.migrate("--status")).code, 0, "reading needs no lock");
  first.kill("SIGINT");
  assert.equal((await finish(first)).code, 130);
});

Deno.test("migrate tries a file again until the lock on its table is free", async () => {
  await using project = await createProject(FIRST);
  assert.equal((await project.migrate()).code, 0);
  await project.write({ "0002_second.sql": "insert into a values (2);\nalter table a add column b int;\n" });
  const reader = await holdLock(project, "select from a");
  const refused = await project.migrate("--wait", "1");
  assert.equal(refused.code, 5);
  assert.match(
    refused.stderr,
    /is locked by process \d+ \(user \w+, idle in transaction, since .* on a\), rolled back/,
  );
  assert.match(refused.stderr, /Trying 0002_second\.sql again: another session has locked a table/);
  const patient = project.start("--wait", "20");
  await waitForRow(project.database, "select from pg_locks where not granted and relation = 'a'::regclass");
  await reader[Symbol.asyncDispose]();
  assert.equal((await finish(patient)).code, 0);
  assert.equal((await project.database.sql`select from a where id = 2`).length, 1);
});

Deno.test("migrate tries a file again after a deadlock", async () => {
  await using project = await createProject({ ...FIRST, "0002_second.sql": "create table b (id int);\n" });
  assert.equal((await project.migrate()).code, 0);
  await project.write({
    "0003_third.sql": "lock table a in access exclusive mode;\nselect pg_sleep(0.2);\n" +
      "set local deadlock_timeout = '50ms';\nlock table b in access exclusive mode;\ndrop table b;\n",
  });
  const other = await holdLock(project, "lock table b in access exclusive mode");
  const running = project.start();
  await waitForRow(project.database, "select from pg_locks where relation = 'a'::regclass and granted");
  await other.sql.unsafe("set deadlock_timeout = '10s'; lock table a in access exclusive mode; commit");
  await other[Symbol.asyncDispose]();
  const { code, stderr } = await finish(running);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Trying 0003_third\.sql again: it met another session in a deadlock/);
});

Deno.test("migrate drops a concurrent index that fails, and does not record it", async () => {
  await using project = await createProject({ ...FIRST, ...UNIQUE });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 1);
  assert.match(stderr, /0002_index\.sql": .*\(23505\), not recorded/);
  assert.equal(await isIndexValid(project, "a_id"), undefined);
  assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
  await project.database.sql`delete from a`;
  assert.equal((await project.migrate()).code, 0);
  assert.equal(await isIndexValid(project, "a_id"), true);
});

Deno.test("migrate replaces the invalid index of an earlier attempt, which IF NOT EXISTS would take", async () => {
  await using project = await createProject(FIRST);
  assert.equal((await project.migrate()).code, 0);
  const { sql } = project.database;
  await assert.rejects(sql`create unique index concurrently a_id on a (id)`);
  assert.equal(await isIndexValid(project, "a_id"), false);
  await sql`delete from a`;
  await project.write({
    "0002_index.sql":
      "-- migrate: no-transaction\ncreate unique index concurrently if not exists a_id on public.a (id);\n",
  });
  const { code, stderr } = await project.migrate();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Dropped the unfinished index "a_id"/);
  assert.equal(await isIndexValid(project, "a_id"), true);
});

Deno.test("migrate takes a finished index that was not recorded, and refuses another one of its name", async () => {
  await using project = await createProject({ ...FIRST, ...INDEX });
  assert.equal((await project.migrate("--to", "1")).code, 0);
  await project.database.sql`create index a_id on a (id desc)`;
  const other = await project.migrate();
  assert.equal(other.code, 1);
  assert.match(other.stderr, /there is another index "a_id"/);
  await project.database.sql`drop index a_id`;
  await project.database.sql`create index a_id on a (id)`;
  const same = await project.migrate();
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /"a_id" is already there as 0002_index\.sql makes it/);
});

for (
  const [moment, file, busy] of [
    ["a slow file", SLOW, BUSY_RUNNER],
    ["a concurrent index", INDEX, BUSY_RUNNER],
  ] as const
) {
  const name = Object.keys(file)[0];

  Deno.test(`migrate killed in ${moment} leaves a prefix, and the next run goes on`, async () => {
    await using project = await createProject({ ...FIRST, ...file });
    assert.equal((await project.migrate("--to", "1")).code, 0);
    const writer = await holdLock(project, "insert into a values (9)");
    const child = project.start();
    await waitForRow(project.database, busy);
    child.kill("SIGKILL");
    await finish(child);
    assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
    await writer.sql.unsafe("rollback");
    await writer[Symbol.asyncDispose]();
    if (name in SLOW) await project.write({ [name]: "create table b (id int);\n" });
    const { code, stderr } = await project.migrate();
    assert.equal(code, 0, stderr);
    assert.deepEqual(await project.ledger(), ["0001_first.sql", name]);
    if (name in INDEX) assert.equal(await isIndexValid(project, "a_id"), true);
  });

  Deno.test(`migrate interrupted in ${moment} ends with 130 and leaves a prefix`, async () => {
    await using project = await createProject({ ...FIRST, ...file });
    assert.equal((await project.migrate("--to", "1")).code, 0);
    const writer = await holdLock(project, "insert into a values (9)");
    const child = project.start();
    await waitForRow(project.database, busy);
    child.kill("SIGINT");
    await waitForRow(project.database, `select where not exists (${busy})`);
    await writer[Symbol.asyncDispose]();
    const { code, stderr } = await finish(child);
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Interrupted migrate/);
    assert.deepEqual(await relations(project.database), ["a"]);
    assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
  });

  Deno.test(`migrate whose backend is ended in ${moment} says so, and the next run goes on`, async () => {
    await using project = await createProject({ ...FIRST, ...file });
    assert.equal((await project.migrate("--to", "1")).code, 0);
    const writer = await holdLock(project, "insert into a values (9)");
    const child = project.start();
    const { pid } = await waitForRow(project.database, busy);
    await project.database.sql`select pg_terminate_backend(${pid as number})`;
    const { code, stderr } = await finish(child);
    assert.equal(code, 1, stderr);
    assert.match(stderr, new RegExp(`^Cannot apply migration "${name}": the connection was lost, `, "m"));
    assert.equal(stderr.includes("    at "), false, "no stack trace");
    await writer[Symbol.asyncDispose]();
    if (name in SLOW) await project.write({ [name]: "create table b (id int);\n" });
    assert.equal((await project.migrate()).code, 0);
    assert.deepEqual(await project.ledger(), ["0001_first.sql", name]);
  });
}

Deno.test("migrate interrupted in a concurrent index ends soon though its clean-up is in somebody's way", async () => {
  await using project = await createProject({ ...FIRST, ...INDEX });
  assert.equal((await project.migrate("--to", "1")).code, 0);
  const writer = await holdLock(project, "insert into a values (9)");
  const child = project.start();
  await waitForRow(project.database, BUSY_RUNNER);
  child.kill("SIGINT");
  const { code, stderr } = await finish(child);
  assert.equal(code, 130);
  assert.match(stderr, /index "a_id" stays until the next run/);
  await writer[Symbol.asyncDispose]();
  assert.equal((await project.migrate()).code, 0);
  assert.equal(await isIndexValid(project, "a_id"), true);
});

Deno.test("migrate interrupted or cut off while it waits for the lock changes nothing", async () => {
  await using project = await createProject(FIRST);
  const holder = await connectTo(project.database.url);
  await using _holder = holder;
  await holder`select pg_advisory_lock(29384939580713336)`;
  const children = [project.start(), project.start()];
  const waiting = `select pid from pg_stat_activity where datname = current_database()
    and application_name = 'heretix-data-lane' and query like 'select pg_try_advisory_lock%'`;
  for (let pids = 0; pids < 2;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    pids = (await project.database.sql.unsafe(waiting)).length;
  }
  const [{ pid }] = await project.database.sql.unsafe(waiting);
  await project.database.sql`select pg_terminate_backend(${pid})`;
  const first = await Promise.race(children.map(finish));
  assert.equal(first.code, 1);
  assert.match(first.stderr, /Cannot migrate database .*: the connection was lost/);
  for (const child of children) {
    try {
      child.kill("SIGTERM");
    } catch {
      // This is the one that has ended.
    }
  }
  const codes = await Promise.all(children.map(({ status }) => status));
  assert.deepEqual(codes.map(({ code }) => code).sort(), [1, 130]);
  await holder`select pg_advisory_unlock_all()`;
  assert.deepEqual(await relations(project.database), []);
  assert.equal((await project.database.sql.unsafe(IS_LOCKED)).length, 0);
});
