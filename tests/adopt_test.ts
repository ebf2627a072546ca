import assert from "node:assert/strict";
import { openDatabase } from "../tasks/lib/postgres/database.ts";
import { recordBaseline } from "../tasks/lib/migration/baseline.ts";
import { readMigrations } from "../tasks/lib/migration/files.ts";
import { migrate } from "../tasks/lib/migration/run.ts";
import { openReport } from "../tasks/lib/task/console.ts";
import { readActualSchema } from "../tasks/lib/schema/read.ts";
import { compareWithState, findState } from "../tasks/lib/schema/states.ts";
import { buildSchemas } from "../tasks/lib/schema/scratch.ts";
import { parseDatabaseUrl } from "../tasks/lib/task/target.ts";
import { addBackendRows, LAST_REVISION, upgradeTo } from "./support/alembic.ts";
import { runCommand } from "./support/command.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { createExportDirectory } from "./support/export.ts";
import { createProject, finish, waitForRow } from "./support/migrations.ts";

/** What is left beside the migrations' own objects after adoption. */
const NOTES = [
  "sequence feedback_id_seq: no migration makes it",
  "table alembic_version: no migration makes it",
  "table feedback: no migration makes it",
];

/** A database as the backend's Alembic and the backend leave it at a revision. */
async function createBackendDatabase(revision: number): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await upgradeTo(database, revision);
  await addBackendRows(database, revision);
  return database;
}

async function run({ url }: TestDatabase, task: string, ...args: string[]) {
  return await runCommand(task, args, { env: { DATABASE_URL: url } });
}

async function countRows({ sql }: TestDatabase): Promise<readonly number[]> {
  const [row] =
    await sql`select (select count(*)::int from users) as users, (select count(*)::int from checks) as checks,
    (select count(*)::int from usage_ledger) as usage, (select count(*)::int from feedback) as feedback`;
  return Object.values(row);
}

Deno.test("every revision of the backend's Alembic is recognized, adopted as what it is and migrated to the end", async () => {
  const files = await readMigrations();
  const states = await buildSchemas(files);
  const options = { report: openReport({ quiet: true }), build: () => Promise.resolve(states) };
  for (let revision = 1; revision <= LAST_REVISION; revision++) {
    await using server = await createBackendDatabase(revision);
    await server.sql.unsafe(`alter database ${server.name} set default_transaction_read_only = on`);
    await using database = await openDatabase(parseDatabaseUrl(server.url), options);
    const before = await countRows(server);
    assert.equal(findState(states, await readActualSchema(server.sql)), revision);
    const baseline = await recordBaseline(database, files, { ...options, version: revision });
    assert.deepEqual(baseline, { adopted: files.slice(0, revision), notes: NOTES });
    const { applied } = await migrate(database, files, options);
    assert.equal(applied.length, files.length - revision);
    const compared = compareWithState(states, files.length, await readActualSchema(server.sql));
    assert.deepEqual(compared, { differences: [], notes: NOTES });
    assert.deepEqual(await countRows(server), before);
  }
});

Deno.test("an adopted database is what the migrations make to db:diff, and its export equals its table", async () => {
  await using database = await createBackendDatabase(5);
  await using exports = await createExportDirectory();
  const baseline = await run(database, "migrate", "--baseline", "5");
  assert.deepEqual([baseline.code, baseline.stderr], [0, ""]);
  assert.match(baseline.stdout, /^Recorded 5 migrations as baseline of \S+\nnote: sequence feedback_id_seq: /);
  assert.equal((await run(database, "migrate")).code, 0);
  const diff = await run(database, "db:diff");
  assert.deepEqual([diff.code, diff.stderr], [0, ""]);
  assert.match(diff.stdout, /is what \d+ migrations make\nnote: sequence feedback_id_seq: no migration makes it\n/);
  const exported = await exports.run([], { DATABASE_URL: database.url });
  assert.equal(exported.code, 0, exported.stderr);
  const rows = (await exports.read()).flatMap(({ rows }) => rows);
  const table = await database.sql`
    select id::text, run_id, env, user_id::text, claim, model, "K", seed, bootstrap_seed, ci_hi, mode, was_cached,
      p_prior, request_id, (extract(epoch from created_at) * 1000000)::bigint as created_at
    from checks order by created_at`;
  assert.deepEqual(
    rows.map((row) => Object.keys(table[0]).map((name) => `${row[name]}`)),
    table.map((row) => Object.values(row).map((value) => `${value}`)),
  );
});

Deno.test("migrate and its kin say that Alembic made a database, and which --baseline adopts it", async () => {
  await using database = await createBackendDatabase(6);
  const advice = "Alembic made it, and it has no ledger of these files in public.schema_migrations; " +
    "it looks like N = 6, adopt it with --baseline 6";
  const { code, stderr } = await run(database, "migrate");
  assert.equal(code, 3);
  assert.match(stderr, /^Cannot migrate database "\S+": /);
  assert.ok(stderr.endsWith(`: ${advice}\n`), stderr);
  const diff = await run(database, "db:diff", "--json");
  assert.equal(diff.code, 4);
  const { differences, notes } = JSON.parse(diff.stdout);
  assert.equal(notes[0], advice);
  assert.ok(differences.some(({ name }: { name: string }) => name === "requests"));
  const check = await run(database, "db:check");
  assert.equal(check.code, 1);
  assert.ok(check.stdout.includes(advice), check.stdout);
});

Deno.test("migrate --baseline with the wrong N lists the differences and says which N it looks like", async () => {
  await using database = await createBackendDatabase(8);
  const low = await run(database, "migrate", "--baseline", "4");
  assert.equal(low.code, 3);
  assert.match(
    low.stderr,
    /it is not what the files up to 0004_anonymous_usage\.sql make, nothing was recorded; it looks like N = 8, adopt it with --baseline 8\n/,
  );
  assert.match(low.stderr, /^table requests: wanted nothing, found table$/m);
  assert.match(low.stderr, /^column checks\.seed: wanted bigint, found numeric\(20,0\)$/m);
  assert.doesNotMatch(low.stderr, /feedback|alembic_version/);
  await database.sql`alter table checks add constraint by_hand check (env <> '')`;
  const bound = await run(database, "migrate", "--baseline", "8");
  assert.equal(bound.code, 3);
  assert.match(
    bound.stderr,
    /it looks like no N: correct what --baseline N lists, and adopt it then\nconstraint checks\.by_hand: wanted nothing, found CHECK .*\n$/,
  );
  const [{ ledger }] = await database.sql`select to_regclass('public.schema_migrations') as ledger`;
  assert.equal(ledger, null);
});

Deno.test("migrate --baseline looks at the ledger again behind a runner that applies the files", async () => {
  await using project = await createProject({
    "0001_first.sql": "create table a (id int primary key);\nselect pg_advisory_xact_lock(1);\n",
  });
  const { sql } = project.database;
  await sql`select pg_advisory_lock(1)`;
  const runner = project.start();
  await waitForRow(project.database, "select from pg_locks where locktype = 'advisory' and not granted");
  const baseline = project.start("--baseline", "1");
  await waitForRow(
    project.database,
    "select from pg_stat_activity where datname = current_database() and query like 'select pg_try_advisory_lock%'",
  );
  await sql`select pg_advisory_unlock(1)`;
  assert.equal((await finish(runner)).code, 0);
  const { code, stderr } = await finish(baseline);
  assert.equal(code, 3, stderr);
  assert.match(
    stderr,
    /^Waiting for .* to finish migrating .*\nCannot migrate .* has rows already; leave out --baseline\n$/,
  );
  const rows = await sql`select version, kind from public.schema_migrations`;
  assert.deepEqual(rows.map(({ version, kind }) => [version, kind]), [[1, "applied"]]);
});
