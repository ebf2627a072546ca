import assert from "node:assert/strict";
import { serverErrorOf } from "../tasks/lib/postgres/server_error.ts";
import { type CommandResult, ROOT, runCommand } from "./support/command.ts";
import { startCluster } from "./support/cluster.ts";
import { connectTo, createTestDatabase, type TestDatabase } from "./support/database.ts";
import { insertChecks } from "./support/exporter.ts";
import { createProject } from "./support/migrations.ts";

/** A role that may do nothing yet, on a migrated database with three checks that lets nobody in by itself. */
interface Reader extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly role: string;
  /** URL of the database for the role. */
  readonly url: string;
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
    url: url.href,
    run: (task, ...args) => runCommand(task, args, { env: { DATABASE_URL: url.href, EXPORT_DIR: home } }),
    async [Symbol.asyncDispose]() {
      await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
      await database[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** The file by which an operator makes the role of exports. */
const EXPORT_ROLE = "sql/admin/export_role.sql";

/** Gives a reader the rights of that file, which is for a role of another name. */
async function grantExports({ role, database }: Reader): Promise<void> {
  const text = await Deno.readTextFile(ROOT + EXPORT_ROLE);
  await database.sql.unsafe(text.replaceAll("heretix_reader", role));
}

Deno.test("a role with the rights of sql/admin/export_role.sql exports, and runs every task that only reads", async () => {
  await using reader = await createReader();
  await grantExports(reader);
  const exported = await reader.run("export", "--json");
  assert.deepEqual([exported.code, JSON.parse(exported.stdout).lanes[0].rows], [0, 3], exported.stderr);
  const health = await reader.run("db:check");
  assert.equal(health.code, 0, health.stderr);
  assert.match(health.stdout, /is healthy\n[^]*\nmigrations +\d+ applied, 0 pending\n[^]* checks 3\n/);
  for (const flag of ["--check", "--status", "--dry-run"]) {
    const { code, stderr } = await reader.run("migrate", flag);
    assert.deepEqual([code, stderr], [0, ""], flag);
  }
  assert.equal((await reader.run("db:diff")).code, 0);
});

/** SQLSTATEs of statements, each run by itself as a role; empty for one that succeeds. */
async function statesOf(url: string, statements: readonly string[]): Promise<readonly string[]> {
  await using sql = await connectTo(url);
  const states: string[] = [];
  for (const statement of statements) {
    states.push(await sql.unsafe(statement).then(() => "", (error) => serverErrorOf(error).code));
  }
  return states;
}

const [READ_ONLY, NO_RIGHT] = ["25006", "42501"];

Deno.test("a role with the rights of sql/admin/export_role.sql writes nothing, and reads no other table", async () => {
  await using reader = await createReader();
  const { database: { sql }, role } = reader;
  // What somebody has given it before goes.
  await sql.unsafe(`grant select on users to ${role}; grant update (claim) on checks to ${role};
    grant delete on checks, schema_migrations to ${role}`);
  await grantExports(reader);
  await grantExports(reader);
  const writes = [
    "insert into checks (run_id) values ('a')",
    "update checks set claim = 'a'",
    "delete from checks",
    "truncate checks",
    "delete from schema_migrations",
    "create table mine (id int)",
  ];
  assert.deepEqual(await statesOf(reader.url, writes), writes.map(() => READ_ONLY));
  const asked = ["set default_transaction_read_only = off", ...writes];
  assert.deepEqual(await statesOf(reader.url, asked), ["", ...writes.map(() => NO_RIGHT)]);
  const tables = await sql<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'public'`;
  const names = tables.map(({ name }) => name).sort();
  const states = await statesOf(reader.url, names.map((name) => `select from ${name}`));
  assert.deepEqual(
    names.filter((_, at) => states[at] === ""),
    ["checks", "requests", "schema_migrations", "usage_ledger"],
  );
  assert.deepEqual([...new Set(states)].sort(), ["", NO_RIGHT]);
});

const hasPsql = await new Deno.Command("psql", { args: ["--version"] }).output().then(() => true, () => false);

Deno.test({
  name: `psql applies sql/admin/export_role.sql, again too, and sets the password as it says${
    hasPsql ? "" : " (ignored: psql is not installed)"
  }`,
  ignore: !hasPsql,
  async fn() {
    await using cluster = await startCluster();
    await using database = await createTestDatabase(cluster.url);
    assert.equal((await runCommand("migrate", [], { env: { DATABASE_URL: database.url } })).code, 0);
    await insertChecks(database, 1, 3);
    const text = await Deno.readTextFile(ROOT + EXPORT_ROLE);
    const [, flags] = /^-- +psql "\$URL" (.*)$/m.exec(text)!;
    const psql = async (...args: readonly string[]) => {
      const env = { READER_PASSWORD: "it's secret" };
      const { code, stderr } = await new Deno.Command("psql", { args: ["-X", database.url, ...args], env, cwd: ROOT })
        .output();
      assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    };
    await psql(...flags.split(" "));
    await psql(...flags.split(" "));
    const [, ...commands] = /^-- +(\\getenv .*)\n-- +(alter role .*)$/m.exec(text)!;
    const file = `${cluster.temporary}/password.sql`;
    await Deno.writeTextFile(file, commands.join("\n"));
    await psql("--set", "ON_ERROR_STOP=1", "--file", file);
    const admitted = `${cluster.temporary}/pg_hba.conf`;
    await Deno.writeTextFile(admitted, "host all postgres all trust\nhost all all all scram-sha-256\n");
    await cluster.stop();
    await cluster.start({ hba_file: admitted });
    const exportAs = async (password: string) => {
      const url = new URL(database.url);
      [url.username, url.password] = ["heretix_reader", encodeURIComponent(password)];
      const env = { DATABASE_URL: url.href, EXPORT_DIR: `${cluster.temporary}/lake` };
      return await runCommand("export", ["checks"], { env });
    };
    assert.match((await exportAs("another one")).stderr, /: password authentication failed for user "heretix_reader"/);
    const { code, stdout, stderr } = await exportAs("it's secret");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Exported 3 rows /);
  },
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
