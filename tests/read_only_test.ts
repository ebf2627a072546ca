import assert from "node:assert/strict";
import { type CommandResult, ROOT, runCommand } from "./support/command.ts";
import { startCluster } from "./support/cluster.ts";
import { connectTo, createTestDatabase, type TestDatabase } from "./support/database.ts";
import { insertChecks } from "./support/exporter.ts";
import { createProject } from "./support/migrations.ts";

/** A role that may do nothing yet, on a migrated database with three checks that lets nobody in by itself. */
interface Reader extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly role: string;
  run(task: string, ...args: readonly string[]): Promise<CommandResult>;
}

async function createReader(): Promise<Reader> {
  const database = await createTestDatabase();
  const { sql, name } = database;
  assert.equal((await runCommand("migrate", [], { env: { DATABASE_URL: database.url } })).code, 0);
  await insertChecks(database, 1, 3);
  const role = `reader_${name.slice(5, 20)}`;
  await sql.unsafe(`create role ${role} login; revoke all on database ${name} from public;
    revoke all on schema public from public`);
  const url = new URL(database.url);
  url.username = role;
  const home = await Deno.makeTempDir({ prefix: "heretix-reader-" });
  return {
    database,
    role,
    run: (task, ...args) => runCommand(task, args, { env: { DATABASE_URL: url.href, EXPORT_DIR: home } }),
    async [Symbol.asyncDispose]() {
      await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
      await database[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** The statements of docs/databases.md for a role that exports, for another role and database. */
async function documentedGrants({ role, database }: Reader): Promise<string> {
  const page = await Deno.readTextFile(`${ROOT}docs/databases.md`);
  const [, statements] = /```sql\ncreate role .*\n((?:grant .*\n)+)```/.exec(page)!;
  return statements.replaceAll("heretix_reader", role).replace("database heretix", `database ${database.name}`);
}

Deno.test("a role with the rights that docs/databases.md gives it exports, and runs every task that only reads", async () => {
  await using reader = await createReader();
  await reader.database.sql.unsafe(await documentedGrants(reader));
  const exported = await reader.run("export", "--json");
  assert.deepEqual([exported.code, JSON.parse(exported.stdout).lanes[0].rows], [0, 3], exported.stderr);
  const health = await reader.run("db:check");
  assert.equal(health.code, 0, health.stderr);
  assert.match(health.stdout, /is healthy\n[^]*\nmigrations +\d+ applied, 0 pending\n[^]* checks 3\n/);
  for (const flag of ["--check", "--status", "--dry-run"]) {
    const { code, stderr } = await reader.run("migrate", flag);
    assert.deepEqual([code, stderr], [0, ""], flag);
  }
});

Deno.test("a role without a right on the ledger exports, and is told what it lacks where the ledger counts", async () => {
  await using reader = await createReader();
  const { database: { sql, name }, role } = reader;
  await sql.unsafe(`grant connect on database ${name} to ${role}; grant usage on schema public to ${role};
    grant select on public.checks to ${role}`);
  const remedy =
    `is not readable by role ${role}; run as its owner: grant select on public.schema_migrations to ${role}`;
  const exported = await reader.run("export", "checks", "--json");
  assert.deepEqual([exported.code, JSON.parse(exported.stdout).lanes[0].rows], [0, 3], exported.stderr);
  const health = await reader.run("db:check");
  assert.equal(health.code, 0, health.stderr);
  assert.match(health.stdout, /is healthy\n[^]*\nmigrations +unknown\n[^]* checks 3\n/);
  assert.ok(health.stdout.endsWith(`\nnote        ledger public.schema_migrations ${remedy}\n`), health.stdout);
  const { healthy, ledger, notes } = JSON.parse((await reader.run("db:check", "--json")).stdout);
  assert.deepEqual({ healthy, ledger, notes }, {
    healthy: true,
    ledger: null,
    notes: [`ledger public.schema_migrations ${remedy}`],
  });
  for (const flag of ["--check", "--status", "--dry-run"]) {
    const { code, stdout, stderr } = await reader.run("migrate", flag);
    assert.deepEqual([code, stdout], [1, ""], flag);
    assert.match(stderr, /^Cannot migrate database "[^"]+": its ledger public.schema_migrations /);
    assert.ok(stderr.endsWith(` ${remedy}\n`), stderr);
  }
  assert.equal((await reader.run("db:diff")).code, 0);
});

Deno.test("a role that may not enter the schema is healthy, and told both rights that it lacks", async () => {
  await using reader = await createReader();
  const { database: { sql, name }, role } = reader;
  await sql.unsafe(`grant connect on database ${name} to ${role}; grant select on public.checks to ${role}`);
  const { code, stdout, stderr } = await reader.run("db:check", "--json");
  assert.equal(code, 0, stderr);
  const grants = `grant usage on schema public to ${role}; grant select on public.schema_migrations to ${role}`;
  assert.ok(JSON.parse(stdout).notes[0].endsWith(`run as its owner: ${grants}`), stdout);
});

Deno.test("db:check notes that channel binding is not done", async () => {
  await using database = await createTestDatabase();
  const url = `${database.url}?channel_binding=require`;
  const { notes } = JSON.parse((await runCommand("db:check", ["--json"], { env: { DATABASE_URL: url } })).stdout);
  assert.deepEqual(notes, ["channel_binding=require is not done by this client; without TLS nothing stands in"]);
});

Deno.test("a standby is read by every task that only reads, and refused by migrate", async () => {
  await using project = await createProject({ "0001_first.sql": "create table a (id int primary key);\n" });
  await using primary = await startCluster();
  await using standby = await primary.standby();
  const migrate = (cluster: { readonly url: string }, ...args: readonly string[]) =>
    project.migrateWith({ DATABASE_URL: cluster.url }, ...args);
  for (const args of [[], ["--rehearse"]]) {
    const { code, stdout, stderr } = await migrate(standby, ...args);
    assert.deepEqual([code, stdout], [3, ""], `${args}: ${stderr}`);
    assert.match(
      stderr,
      /^Cannot migrate database "[^"]+": its server is a standby, which takes no writes; use the primary\n$/,
    );
  }
  assert.equal((await migrate(standby, "--check")).code, 4);
  assert.equal((await migrate(primary)).code, 0);
  await using replayed = await connectTo(standby.url);
  while ((await replayed`select from pg_tables where tablename = 'a'`).length === 0);
  for (const args of [["--check"], ["--status"], ["--dry-run"], []]) {
    const { code, stderr } = await migrate(standby, ...args);
    assert.equal(code, 0, `${args}: ${stderr}`);
  }
  const health = await runCommand("db:check", [], { env: { DATABASE_URL: standby.url } });
  assert.match(health.stdout, /\nserver +PostgreSQL 16\.\d+, no TLS, standby, read-only\n/, health.stderr);
});
