import assert from "node:assert/strict";
import type { CommandResult } from "./support/command.ts";
import { createProject, type MigrationProject, relations } from "./support/migrations.ts";
import { startPooler } from "./support/pooler.ts";
import { answerStartUp, close, encodeError, forward, startServer } from "./support/servers.ts";

const FIRST = { "0001_first.sql": "create table a (id int primary key);\n" };
const PASSWORD = "s3cr3t-Pa55";

/** Runs the task on a port of this machine with a password that it must never print. */
async function migrateAt(
  project: MigrationProject,
  port: number,
  ...args: readonly string[]
): Promise<CommandResult & { readonly seconds: number }> {
  const url = new URL(project.database.url);
  url.port = String(port);
  url.password = PASSWORD;
  const started = performance.now();
  const result = await project.migrateWith({ DATABASE_URL: url.href }, ...args);
  for (const text of [result.stdout, result.stderr]) assert.equal(text.includes("s3cr3t"), false, "no password");
  return { ...result, seconds: (performance.now() - started) / 1000 };
}

function portOf(project: MigrationProject): number {
  return Number(new URL(project.database.url).port);
}

Deno.test("migrate gives up at its deadline on a port that accepts and closes, without spinning", async () => {
  await using project = await createProject(FIRST);
  using server = startServer(close);
  const { code, stderr, seconds } = await migrateAt(project, server.port, "--wait", "2");
  assert.equal(code, 1);
  assert.match(stderr, /Waiting for .*: it closes the connection\nCannot connect .*: it closes the connection; /);
  assert.ok(seconds > 1.5 && seconds < 8, `${seconds} s`);
  assert.ok(server.accepted() < 12, `${server.accepted()} connections`);
});

Deno.test("migrate gives up at its deadline on a port that stays silent", async () => {
  await using project = await createProject(FIRST);
  using server = startServer(() => {});
  const { code, stderr, seconds } = await migrateAt(project, server.port, "--wait", "1");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot connect .*: it does not answer; /);
  assert.ok(seconds > 0.9 && seconds < 6, `${seconds} s`);
});

Deno.test("migrate gives up at once on a wrong password, a wrong or closed database, and a wrong name", async () => {
  await using project = await createProject(FIRST);
  using server = startServer((connection) =>
    answerStartUp(connection, encodeError("28P01", 'password authentication failed for user "postgres"'))
  );
  const url = new URL(project.database.url);
  url.pathname = "/no_such_database";
  using closed = startServer((connection) =>
    answerStartUp(connection, encodeError("42501", 'permission denied for database "postgres"'))
  );
  const [password, database, name, admission] = await Promise.all([
    migrateAt(project, server.port),
    project.migrateWith({ DATABASE_URL: url.href }),
    project.migrateWith({ DATABASE_URL: `postgres://user:${PASSWORD}@no-such-host.invalid/db` }),
    migrateAt(project, closed.port),
  ]);
  assert.deepEqual([password.code, database.code, name.code, admission.code], [1, 1, 1, 1]);
  assert.match(password.stderr, /^Cannot connect .*; check user and password in the database URL\n$/);
  assert.match(database.stderr, /^Cannot connect .* does not exist; create the database/);
  assert.match(admission.stderr, /^Cannot connect .* denied for database "postgres"; grant connect on that database/);
  assert.match(name.stderr, /^Using user@\S+ \(--env local\)\nCannot connect .*its name cannot be resolved; /);
  assert.equal(server.accepted(), 1);
  assert.equal(name.stderr.includes("s3cr3t"), false);
});

Deno.test("migrate gives up at once on a server without TLS where TLS is asked for", async () => {
  await using project = await createProject(FIRST);
  const { code, stderr } = await project.migrateWith({ DATABASE_URL: `${project.database.url}?sslmode=require` });
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot connect .*: it does not offer TLS; remove sslmode from the database URL\n$/);
});

Deno.test("migrate waits for a server that starts, and for a compute that wakes", async () => {
  await using project = await createProject(FIRST);
  const answers = [
    encodeError("57P03", "the database system is starting up"),
    encodeError("XX000", "could not wake up compute node"),
  ];
  using server = startServer(async (connection, number) => {
    if (number <= answers.length) await answerStartUp(connection, answers[number - 1]);
    else await forward(connection, portOf(project));
  });
  const { code, stderr } = await migrateAt(project, server.port);
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/^Waiting for .*: the database system is starting up$/gm)?.length, 1);
  assert.deepEqual(await project.ledger(), ["0001_first.sql"]);
});

Deno.test("migrate refuses a pooled host before it connects, and names the direct one", async () => {
  await using project = await createProject(FIRST);
  const pooled = `postgres://user:${PASSWORD}@ep-cool-1-pooler.us-east-1.aws.invalid/db?sslmode=require`;
  for (const mode of [[], ["--rehearse"], ["--baseline", "1"]]) {
    const { code, stderr } = await project.migrateWith({ DATABASE_URL: pooled }, ...mode);
    assert.equal(code, 3);
    assert.match(stderr, /use the direct host ep-cool-1\.us-east-1\.aws\.invalid, .*_UNPOOLED/);
    assert.equal(stderr.includes("s3cr3t"), false);
  }
  const direct = { DATABASE_URL: pooled, DATABASE_URL_UNPOOLED: project.database.url };
  assert.equal((await project.migrateWith(direct)).code, 0);
});

Deno.test("migrate refuses a pooler in transaction mode under any name, and leaves no lock behind it", async () => {
  await using project = await createProject(FIRST);
  using pooler = await startPooler(project.database.url);
  const results = await Promise.all([migrateAt(project, pooler.port), migrateAt(project, pooler.port)]);
  for (const { code, stderr } of results) {
    assert.equal(code, 3);
    assert.match(stderr, /a pooler in transaction mode stands before it/);
  }
  assert.deepEqual(await relations(project.database), []);
  assert.equal((await migrateAt(project, pooler.port, "--status")).code, 0, "reading works through a pooler");
  const locks = await project.database.sql`
    select from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`;
  assert.equal(locks.length, 0);
});

Deno.test("migrate works through a proxy that keeps sessions apart", async () => {
  await using project = await createProject(FIRST);
  using proxy = startServer((connection) => forward(connection, portOf(project)));
  assert.equal((await migrateAt(project, proxy.port)).code, 0);
});

Deno.test("migrate never prints the password of a URL that it cannot use", async () => {
  await using project = await createProject(FIRST);
  const urls = [
    `postgres://user:${PASSWORD}#@127.0.0.1/db`,
    `postgres://user:${PASSWORD}%zz@127.0.0.1/db`,
    `mysql://user:${PASSWORD}@127.0.0.1/db`,
    `postgres://user:${PASSWORD}@db.example.com/db?sslmode=disable`,
    `postgres://user:${PASSWORD}@127.0.0.1`,
  ];
  const results = await Promise.all(urls.map((url) => project.migrateWith({ DATABASE_URL: url })));
  assert.deepEqual(results.map(({ code }) => code), urls.map(() => 2));
  for (const { stdout, stderr } of results) assert.equal((stdout + stderr).includes("s3cr3t"), false);
});
