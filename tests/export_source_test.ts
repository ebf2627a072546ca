import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { runCommand } from "./support/command.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import type { DayRange } from "../tasks/lib/dataset/source.ts";
import { connectTo } from "./support/database.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, type Exporter, fileStates, insertChecks } from "./support/exporter.ts";
import { readLane } from "./support/parquet.ts";

/** Claims of all rows of the lane, by run. */
async function claims(exporter: Exporter): Promise<Record<string, unknown>> {
  const rows = (await readLane(exporter.lane)).flatMap(({ rows }) => rows);
  return Object.fromEntries(rows.map(({ run_id, claim }) => [`${run_id}`, claim]));
}

/** Exports, expects it to end well, and gives what it told. */
async function exportFrom(exporter: Exporter, url: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await exporter.export(args, { DATABASE_URL: url });
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

async function update(url: string, claim: string): Promise<void> {
  await using sql = await connectTo(url);
  await sql`update checks set claim = ${claim} where run_id = 'run-1'`;
}

const AGAIN = /^Reading every day again: the server was restarted, restored or failed over since the last export$/m;

/** An exporter on a server of its own, whose lane holds three rows, one of them changed since. */
async function createOn(cluster: Cluster): Promise<Exporter> {
  const exporter = await createExporter("lake", cluster.url);
  await insertChecks(exporter.database, 1, 3);
  await exportFrom(exporter, exporter.database.url);
  return exporter;
}

Deno.test("export finds what a server has that was put back from a copy, and reads no day twice after that", async () => {
  await using cluster = await startCluster();
  await using exporter = await createOn(cluster);
  const { url } = exporter.database;
  await cluster.stop();
  await cluster.copyData();
  for (const args of [[], ["--verify"], ["--full"]]) {
    await cluster.start();
    await update(url, "lost");
    await exportFrom(exporter, url);
    assert.equal((await claims(exporter))["run-1"], "lost");
    await cluster.stop();
    await cluster.restoreData();
    await cluster.start();
    await update(url, `kept ${args}`);
    const told = await exportFrom(exporter, url, ...args);
    assert.equal((await claims(exporter))["run-1"], `kept ${args}`);
    if (args.length === 0) assert.match(told, AGAIN);
    const before = await fileStates(exporter.lane);
    assert.equal(await exportFrom(exporter, url), `Lane local is up to date: 1 day in ${exporter.lane}\n`);
    assert.deepEqual(await fileStates(exporter.lane), before);
    await cluster.stop();
  }
  // A restart alone changes no file but the manifest, which takes the new start.
  await cluster.start();
  const before = await fileStates(exporter.lane);
  assert.match(await exportFrom(exporter, url), AGAIN);
  const after = await fileStates(exporter.lane);
  const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
  assert.deepEqual(changed, ["_manifest.json"]);
});

Deno.test("export finds what a promoted standby has that its primary had otherwise", async () => {
  await using cluster = await startCluster({ wal_level: "replica", max_wal_senders: "4" });
  await using exporter = await createOn(cluster);
  const { url, name } = exporter.database;
  await using standby = await cluster.standby();
  const there = standby.urlOf(name);
  {
    await using sql = await connectTo(there);
    // The standby falls behind, as far as it goes.
    await sql`select pg_wal_replay_pause()`;
    await update(url, "lost");
    assert.match(await exportFrom(exporter, url), /^Exported 3 rows/);
    await sql`select pg_promote()`;
  }
  await update(there, "kept");
  assert.match(await exportFrom(exporter, there), AGAIN);
  assert.equal((await claims(exporter))["run-1"], "kept");
});

Deno.test("export relies on no row that a crash can take back", async () => {
  // Nothing is flushed but what is waited for; and nobody waits.
  await using cluster = await startCluster({ synchronous_commit: "off", wal_writer_delay: "10s" });
  await using exporter = await createOn(cluster);
  const { url } = exporter.database;
  const withSql = async <T>(use: (sql: Sql) => PromiseLike<T>): Promise<T> => {
    await using sql = await connectTo(url);
    return await use(sql);
  };
  const isLost = async (claim: string) =>
    await withSql(async (sql) => (await sql`select from checks where claim = ${claim}`).length === 0);
  for (let tries = 1, lost = false; !lost; tries++) {
    assert.ok(tries <= 5, "the server's own writing came first each time");
    await withSql((sql) => sql`checkpoint`);
    await update(url, `lost ${tries}`);
    await exportFrom(exporter, url);
    assert.equal((await claims(exporter))["run-1"], `lost ${tries}`);
    await cluster.crash();
    lost = await isLost(`lost ${tries}`);
    await update(url, `kept ${tries}`);
    const told = await exportFrom(exporter, url);
    assert.equal((await claims(exporter))["run-1"], `kept ${tries}`);
    if (lost) {
      assert.match(told, /^Reading every day again: the last export could not wait for the server's log to be/m);
    }
  }
});

Deno.test("export finds what the embedded database has that was put back from a copy", async () => {
  const directory = `data/test-${crypto.randomUUID()}`;
  const [embedded, copy, lake] = ["pglite", "copy", "lake"].map((name) => join(directory, name));
  const env = { EMBEDDED_DIR: embedded, EXPORT_DIR: lake };
  const run = async (name: string, ...args: string[]) => {
    const { code, stdout, stderr } = await runCommand(name, args, { env });
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  };
  const copyTo = async (from: string, to: string) => {
    await Deno.remove(to, { recursive: true }).catch(() => {});
    await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  };
  const total = async () => (await readLane(join(lake, "local"))).reduce((sum, { rows }) => sum + rows.length, 0);
  try {
    await run("migrate");
    await copyTo(embedded, copy);
    await run("db:seed", "--rows", "20", "--days", "2");
    await run("export");
    assert.doesNotMatch(await run("export"), /Reading every day again/, "a start is no restore");
    await copyTo(copy, embedded);
    await run("db:seed", "--rows", "20", "--days", "2");
    assert.match(await run("export"), AGAIN);
    assert.equal(await total(), 20);
    assert.doesNotMatch(await run("export"), /Reading every day again/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("export refuses another database than the lane's, both named, until --new-source says so", async () => {
  await using one = await createExporter();
  await using other = await createExporter();
  await insertChecks(one.database, 1, 50);
  await insertChecks(other.database, 101, 130);
  await exportFrom(one, one.database.url);
  const before = await fileStates(one.lane);
  for (const args of [[], ["--full"], ["--allow-shrink"], ["--dry-run"]]) {
    const { code, stdout, stderr } = await one.export(args, { DATABASE_URL: other.database.url });
    assert.deepEqual([code, stdout], [3, ""]);
    const [, mirrored, found] =
      /^Cannot export to lane "local": it mirrors postgres (\S+), and this is postgres (\S+); [^\n]*--new-source[^\n]*\n$/
        .exec(stderr) ?? [];
    assert.ok(mirrored?.endsWith(`/${one.database.name}`) && found?.endsWith(`/${other.database.name}`), stderr);
    assert.deepEqual(await fileStates(one.lane), before);
  }
  await exportFrom(one, other.database.url, "--new-source");
  assert.deepEqual(Object.keys(await claims(one)).length, 30);
  assert.equal((await one.export()).code, 3, "the lane has another source now");
});

Deno.test("a lane takes a database of the same name that was made anew for its source, and reads every day", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  await insertChecks(database, 1, 30);
  await exportFrom(exporter, database.url);
  await database.sql`create table copy as select * from checks`;
  await database.sql`truncate checks`;
  await database.sql`insert into checks select * from copy order by created_at desc`;
  const before = await fileStates(exporter.lane);
  assert.match(await exportFrom(exporter, database.url), /^Lane local is up to date/);
  const after = await fileStates(exporter.lane);
  assert.deepEqual(Object.keys(after).filter((path) => after[path] !== before[path]), ["_manifest.json"]);
});

/** Makes a database look like one of a branch at Neon. */
async function becomeNeon({ database: { sql, name } }: Exporter, timeline: string): Promise<void> {
  await sql.unsafe(`alter database ${name} set neon.tenant_id = 'tenant'`);
  await sql.unsafe(`alter database ${name} set neon.timeline_id = '${timeline}'`);
}

Deno.test("on Neon another timeline at the same host is read again, and another host is another source", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  await insertChecks(database, 1, 3);
  await becomeNeon(exporter, "main");
  await exportFrom(exporter, database.url);
  assert.doesNotMatch(await exportFrom(exporter, database.url), AGAIN);
  await becomeNeon(exporter, "restored");
  assert.match(await exportFrom(exporter, database.url), AGAIN);
  const { code, stderr } = await exporter.export([], {
    DATABASE_URL: database.url.replace("127.0.0.1", "localhost"),
  });
  assert.equal(code, 3);
  assert.match(stderr, /it mirrors neon 127\.0\.0\.1\/\w+, and this is neon localhost\/\w+;/);
});

Deno.test("a server that went back is read again until every day was looked at", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 60);
  const isReadAgain = async (range: DayRange = {}) => {
    const { told } = await exportHere(exporter, { from: "postgres", range });
    return told.some((line) => AGAIN.test(line));
  };
  await becomeNeon(exporter, "main");
  await isReadAgain();
  await becomeNeon(exporter, "restored");
  assert.equal(await isReadAgain({ since: "2025-09-03" }), true);
  assert.equal(await isReadAgain({ until: "2025-09-02" }), true, "two looks at parts do not make one at all");
  assert.equal(await isReadAgain(), true);
  assert.equal(await isReadAgain(), false);
});

Deno.test("export of the harness alone neither needs nor changes the lane's Postgres", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  await exportFrom(exporter, exporter.database.url);
  using db = new DatabaseSync(join(exporter.home, "heretix.sqlite"));
  db.exec("create table runs (run_id text primary key, created_at integer); insert into runs values ('r', 1756684800)");
  const nowhere = "postgresql://nobody@127.0.0.1:1/nothing";
  assert.match(await exportFrom(exporter, nowhere, "--from", "sqlite"), /^Exported 4 rows/);
  assert.match(await exportFrom(exporter, exporter.database.url), /^Lane local is up to date/);
});
