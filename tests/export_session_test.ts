import assert from "node:assert/strict";
import { connectTo, type TestDatabase } from "./support/database.ts";
import { createExporter, type Exporter, fileStates, insertChecks } from "./support/exporter.ts";
import { readLane } from "./support/parquet.ts";
import { forward, startServer } from "./support/servers.ts";
import { readWhole, withChecks } from "./support/source.ts";

/** Claims of a lane's rows, in the order of their runs. */
async function claimsOf({ lane }: Exporter): Promise<unknown[]> {
  const rows = (await readLane(lane)).flatMap(({ rows }) => rows);
  return rows.sort((a, b) => Number(`${a.run_id}`.slice(4)) - Number(`${b.run_id}`.slice(4))).map(({ claim }) => claim);
}

/** Sets a database's and a role's time limits to what no export keeps, and undoes it. */
async function limit(
  { sql, name }: TestDatabase,
  settings: Readonly<Record<string, string>>,
): Promise<AsyncDisposable> {
  const owners = [`database ${name}`, `role postgres in database ${name}`];
  for (const owner of owners) {
    for (const [key, value] of Object.entries(settings)) await sql.unsafe(`alter ${owner} set ${key} = '${value}'`);
  }
  return { [Symbol.asyncDispose]: async () => void await sql.unsafe(`alter ${owners[1]} reset all`) };
}

Deno.test("export takes as long as it takes, whatever time limits database and role have", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 1000);
  // The COPY takes far longer than its limit, and so does the staging of its rows in an idle transaction.
  await exporter.database.sql`update checks set claim = repeat(md5(run_id), 2000)`;
  await using _limits = await limit(exporter.database, {
    statement_timeout: "100ms",
    idle_in_transaction_session_timeout: "100ms",
    lock_timeout: "1ms",
  });
  const { code, stdout, stderr } = await exporter.export();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Exported 1000 rows /);
});

Deno.test("export outlasts a limit for idle transactions that is shorter than the way to the server", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  await using _limits = await limit(exporter.database, { idle_in_transaction_session_timeout: "5ms" });
  const url = new URL(exporter.database.url);
  const { port } = url;
  using server = startServer((connection) => forward(connection, Number(port), 50));
  url.port = `${server.port}`;
  const { code, stdout, stderr } = await exporter.export([], { DATABASE_URL: url.href });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Exported 3 rows /);
});

Deno.test("export waits ten seconds for a table that somebody holds, whatever database and role say, then names who", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  await using _limits = await limit(exporter.database, { lock_timeout: "20ms", statement_timeout: "500ms" });
  await using holder = await connectTo(exporter.database.url);
  await holder.unsafe("set application_name = 'nightly'; begin; lock table public.checks in access exclusive mode");
  const [{ pid }] = await holder`select pg_backend_pid() as pid`;
  const start = performance.now();
  const timer = setTimeout(() => holder.unsafe("rollback").execute(), 40_000);
  const { code, stderr } = await exporter.export();
  clearTimeout(timer);
  const seconds = (performance.now() - start) / 1000;
  assert.equal(code, 5);
  assert.equal(
    stderr,
    `Cannot export "checks": table public.checks is held up by process ${pid} (user postgres, nightly) for longer than ` +
      "10 s; wait for it to end, and run the export again\n",
  );
  assert.ok(seconds >= 10 && seconds < 40, `${seconds} s`);
  assert.deepEqual(await fileStates(exporter.lane), before);
});

Deno.test("withPostgresSource() reads the rows that its days were compared for, whatever is committed meanwhile", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  await insertChecks(database, 1, 50);
  await using sql = await connectTo(database.url);
  const { rows, text } = await withChecks(sql, async (source) => {
    await database.sql`update checks set claim = 'changed'`;
    await database.sql`delete from checks where run_id = 'run-7'`;
    await insertChecks(database, 51, 60, "timestamptz '2025-09-01 12:00:00+00'");
    return await readWhole(source);
  });
  assert.equal(rows, 50);
  assert.equal(text.includes("changed"), false);
  assert.match(text, /claim 7\b/);
});

Deno.test("withPostgresSource() ends its transaction when its consumer fails", async () => {
  await using exporter = await createExporter();
  await using sql = await connectTo(exporter.database.url);
  await assert.rejects(withChecks(sql, () => Promise.reject(new Error("no"))), { message: "no" });
  assert.deepEqual([...await sql`show transaction_isolation`], [{ transaction_isolation: "read committed" }]);
});

Deno.test("export finds a row that takes the place, id and time of a deleted one", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 3);
  assert.equal((await exporter.export()).code, 0);
  const place = async () => (await sql`select ctid::text, id, created_at from checks where run_id = 'run-2'`)[0];
  const before = await place();
  await sql`delete from checks where run_id = 'run-2'`;
  await sql`vacuum (truncate off) checks`;
  await sql`
    insert into checks (id, run_id, env, claim, model, prompt_version, "K", "R", created_at)
    select ${before.id}, 'run-2', 'local', 'another claim', 'gpt-5', 'v1', 8, 2, ${before.created_at}::timestamptz`;
  assert.deepEqual(await place(), before, "it stands where the deleted one stood");
  const { code, stderr } = await exporter.export();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await claimsOf(exporter), ["claim 1", "another claim", "claim 3"]);
});

Deno.test("export warns of each column of the table that the dataset leaves out", async () => {
  await using exporter = await createExporter();
  await exporter.database.sql`alter table checks add column novelty text, add column weight int`;
  await insertChecks(exporter.database, 1, 3);
  const { code, stderr } = await exporter.export();
  assert.equal(code, 0);
  assert.deepEqual(
    stderr.trimEnd().split("\n"),
    ["novelty", "weight"].map((name) =>
      `Warning: Column "${name}" of checks is not exported; add it to sql/export/checks.postgres.sql`
    ),
  );
});

Deno.test("export reads from DATABASE_URL, not from the endpoint that migrations need", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  const unpooled = { DATABASE_URL_UNPOOLED: "postgresql://nobody@127.0.0.1:1/nowhere" };
  const { code, stdout, stderr } = await exporter.export([], unpooled);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Exported 3 rows /);
});
