import assert from "node:assert/strict";
import { join } from "node:path";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { MAX_GROUP_ROWS } from "../tasks/lib/sources/segments.ts";
import { sleep } from "../tasks/lib/task/sleep.ts";
import { startCluster } from "./support/cluster.ts";
import { connectTo } from "./support/database.ts";
import { exportHere } from "./support/export_here.ts";
import {
  createExporter,
  type Exporter,
  fileHashes,
  fileStates,
  finish,
  insertChecks,
  listDebris,
} from "./support/exporter.ts";
import { readLane } from "./support/parquet.ts";
import { pgBouncerTest, startPgBouncer } from "./support/pgbouncer.ts";

const ALONE = "No thread got a session of its own in time: all rows come over one";

/** An exporter with so many rows of 30 KB, an hour apart, so that their COPYs take a while. */
async function createLong(rows: number, server?: string): Promise<Exporter> {
  const exporter = await createExporter("lake", server);
  await insertChecks(exporter.database, 1, rows);
  await exporter.database.sql`update checks set claim = repeat(md5(run_id), 1000)`;
  return exporter;
}

/** The same exporter by another way to its database. */
const by = (exporter: Exporter, url: string): Exporter => ({ ...exporter, database: { ...exporter.database, url } });

/** What `work` gives, and the sessions that copied meanwhile. */
async function watching<T>(
  sql: Sql,
  work: Promise<T>,
): Promise<{ readonly result: T; readonly pids: ReadonlySet<number> }> {
  const pids = new Set<number>();
  let isOver = false;
  const end = work.finally(() => isOver = true);
  end.catch(() => {});
  while (!isOver) {
    for (const pid of await copiesIn(sql)) pids.add(pid);
    await sleep(3);
  }
  return { result: await end, pids };
}

/** Processes of the sessions that copy out of a database, or have done nothing else since. */
async function copiesIn(sql: Sql): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
      and application_name = 'heretix-data-lane' and query like 'copy (select%'`;
  return rows.map(({ pid }) => pid);
}

/** Waits until a session copies, a minute at most, and gives its process. */
async function waitForCopy(sql: Sql): Promise<number> {
  for (const start = performance.now(); performance.now() - start < 60_000;) {
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and query like 'copy (select%' and state = 'active'`;
    if (row) return row.pid;
    await sleep(1);
  }
  throw new Error("Nobody copies");
}

/** Expects no session of a database but these to be left within two seconds. */
async function expectNoSession(sql: Sql, ...others: readonly Sql[]): Promise<void> {
  const ours = await Promise.all(
    [sql, ...others].map(async (one) => (await one`select pg_backend_pid() as pid`)[0].pid),
  );
  for (let tries = 0;; tries++) {
    const rows = await sql`select pid, state, query from pg_stat_activity where datname = current_database()`;
    const left = rows.filter(({ pid }) => !ours.includes(pid));
    if (left.length === 0) return;
    assert.ok(tries < 100, JSON.stringify(left));
    await sleep(20);
  }
}

/** By path, the digests of a lake's Parquet files and what its manifests say of days. */
async function contentsOf(lake: string): Promise<Readonly<Record<string, unknown>>> {
  const contents: Record<string, unknown> = {};
  for (const [path, sha256] of Object.entries(await fileHashes(lake))) {
    contents[path] = path.endsWith("_manifest.json")
      ? JSON.parse(await Deno.readTextFile(join(lake, path))).days
      : sha256;
  }
  return contents;
}

Deno.test("export reads with as many sessions as threads, which end in good order, and reads again with them what it compares", async () => {
  await using cluster = await startCluster();
  await using exporter = await createLong(600, cluster.url);
  const { database: { sql } } = exporter;
  for (const threads of [1, 2, 4]) {
    const exportDir = join(exporter.home, `lake${threads}`);
    const { result, pids } = await watching(sql, exportHere(exporter, { from: "postgres", threads, exportDir }));
    assert.deepEqual([result.rows, result.told], [600, []]);
    // So few rows can be read before the others are there.
    assert.ok(pids.size >= 1 && pids.size <= threads, `${pids.size} sessions`);
    await expectNoSession(sql);
  }
  const exportDir = join(exporter.home, "lake2");
  const before = await fileStates(join(exportDir, "local"));
  const verifying = exportHere(exporter, { from: "postgres", threads: 2, exportDir, verify: true });
  const { result, pids } = await watching(sql, verifying);
  assert.deepEqual([result.files, result.told], [0, []]);
  assert.ok(pids.size >= 1 && pids.size <= 2, `${pids.size} sessions`);
  for (let n = 1; n <= 3; n++) {
    await sql`update checks set claim = ${`${n}`} where run_id in ('run-1', 'run-100', 'run-200')`;
    assert.equal((await exportHere(exporter, { from: "postgres", threads: 4, exportDir })).files, 3);
  }
  await expectNoSession(sql);
  const log = await Deno.readTextFile(join(cluster.temporary, "../log"));
  assert.deepEqual(log.split("\n").filter((line) => /EOF|ERROR|FATAL|reset by peer/.test(line)), []);
  assert.notDeepEqual(await fileStates(join(exportDir, "local")), before);
});

Deno.test("export reads again with threads after a restart of the server, and rewrites nothing", async () => {
  await using cluster = await startCluster();
  await using exporter = await createExporter("lake", cluster.url);
  const count = Math.ceil(1.1 * MAX_GROUP_ROWS);
  await insertChecks(exporter.database, 1, count, "timestamptz '2025-09-01 00:00:00+00' + n * interval '2 seconds'");
  await insertChecks(exporter.database, 100_000, 100_100);
  await exportHere(exporter, { from: "postgres", threads: 4 });
  const before = await fileHashes(exporter.lane);
  await cluster.stop();
  await cluster.start();
  await using sql = await connectTo(exporter.database.url);
  const { result, pids } = await watching(sql, exportHere(exporter, { from: "postgres", threads: 2 }));
  assert.deepEqual([result.files, result.told], [
    0,
    ["Reading every day again: the server was restarted, restored or failed over since the last export"],
  ]);
  assert.equal(pids.size, 2);
  const after = await fileHashes(exporter.lane);
  assert.deepEqual({ ...after, "_manifest.json": "" }, { ...before, "_manifest.json": "" });
});

/** An exporter with rows of every dataset and of a harness, on large and small days. */
async function createMixed(): Promise<Exporter> {
  const exporter = await createExporter();
  const { database } = exporter;
  await insertChecks(
    database,
    1,
    Math.ceil(1.05 * MAX_GROUP_ROWS),
    "timestamptz '2025-09-30 00:00:00+00' + n * interval '2 seconds'",
  );
  await insertChecks(
    database,
    100_000,
    101_000,
    "timestamptz '2025-09-22 00:00:00+00' + (n - 100000) * interval '1 hour'",
  );
  // Rows of one instant come as the server plans it, which statistics decide.
  await database.sql`alter table checks set (autovacuum_enabled = off)`;
  await database.sql`insert into requests (created_at, claim, mode, env)
    select timestamptz '2025-09-01 00:00:00+00' + n * interval '7 hours', 'claim ' || n, 'baseline', 'local'
    from generate_series(0, 60) n`;
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 20, days: 3 });
  return exporter;
}

Deno.test("export gives the same bytes with 1, 2 and 4 threads, of all datasets and sources, and when it writes anew", async () => {
  await using exporter = await createMixed();
  const lakes = [1, 2, 4].map((threads) => ({ threads, exportDir: join(exporter.home, `lake${threads}`) }));
  const exportAll = async (redacted: string[], datasets?: string[]) => {
    for (const lake of lakes) await exportHere(exporter, { ...lake, redacted, datasets });
    const [first, ...others] = await Promise.all(lakes.map(({ exportDir }) => contentsOf(exportDir)));
    for (const other of others) assert.deepEqual(other, first);
    return first;
  };
  const first = await exportAll(["user_id"], ["checks"]);
  assert.ok(Object.keys(first).length > 12);
  await exporter.database.sql`update checks set claim = 'another' where run_id in ('run-7', 'run-30000', 'run-100007')`;
  const second = await exportAll(["user_id", "claim"], ["checks"]);
  assert.notDeepEqual(second, first);
  for (const lake of lakes) await exportHere(exporter, { ...lake, from: "postgres", datasets: ["requests"] });
  const [one, ...others] = await Promise.all(lakes.map(({ exportDir }) => contentsOf(exportDir)));
  assert.ok(Object.keys(one).length > Object.keys(second).length + 15);
  for (const other of others) assert.deepEqual(other, one);
  const [{ rowGroups, rows }] = (await readLane(join(lakes[2].exportDir, "local"))).filter(({ path }) =>
    path.startsWith("dt=2025-09-30")
  );
  assert.ok(rowGroups.length >= 3, "two of Postgres, one of the harness");
  assert.ok(rows.every(({ claim }) => claim === null));
});

pgBouncerTest(
  "export through a PgBouncer of 1, 2 or 3 sessions gives the bytes of the direct way, and says it where it has but one",
  async () => {
    await using exporter = await createLong(150);
    const { database } = exporter;
    await database
      .sql`insert into requests (created_at, claim, mode, env) values ('2025-09-01', 'claim', 'baseline', 'local')`;
    const lakeOf = (places: number) => join(exporter.home, `lake${places}`);
    const request = { from: "postgres", threads: 4, datasets: undefined } as const;
    await exportHere(exporter, { ...request, exportDir: lakeOf(0) });
    const direct = await contentsOf(lakeOf(0));
    for (const places of [1, 2, 3]) {
      await using pooler = await startPgBouncer(database.url, places);
      const pooled = new URL(database.url);
      pooled.port = `${pooler.port}`;
      const exporting = exportHere(by(exporter, pooled.href), { ...request, exportDir: lakeOf(places) });
      const { result, pids } = await watching(database.sql, exporting);
      assert.deepEqual(result.told, places === 1 ? [ALONE] : []);
      assert.ok(pids.size >= 1 && pids.size <= places, `${pids.size} sessions`);
      assert.deepEqual(await contentsOf(lakeOf(places)), direct);
    }
  },
);

Deno.test("export ends, and lets an ALTER go on that waits for it and holds up its threads", async () => {
  await using exporter = await createLong(100);
  const { database: { sql, url } } = exporter;
  await using other = await connectTo(url);
  const alter = (async () => {
    const isLocked = async () =>
      (await sql`select from pg_locks where relation = 'checks'::regclass and mode = 'AccessShareLock' and granted
        and pid <> pg_backend_pid()`).length > 0;
    while (!await isLocked()) await sleep(2);
    await other.unsafe("alter table checks add column novelty int");
  })();
  const { told, rows } = await exportHere(exporter, { from: "postgres", threads: 2 });
  await alter;
  assert.deepEqual([told, rows], [[ALONE], 100]);
  assert.equal((await readLane(exporter.lane)).flatMap(({ rows }) => rows).length, 100);
  await expectNoSession(sql, other);
});

Deno.test("export reads one state with all threads while others write all along, and the next one brings it up to date", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  const count = 3000;
  await insertChecks(database, 1, count, "timestamptz '2025-09-01 00:00:00+00' + n * interval '15 minutes'");
  await database.sql`update checks set "K" = 1000`;
  let [isOver, commits] = [false, 0];
  // Each transaction takes from one row what it gives to another one, and replaces a row by one of another day.
  const write = async (seed: number) => {
    await using sql = await connectTo(database.url);
    for (let n = seed; !isOver; n = (n * 7 + 3) % count) {
      const [one, next] = [`run-${1 + n}`, `run-${1 + (n + count / 2) % count}`];
      await sql.unsafe(`
        begin;
        update checks set "K" = "K" + 1 where run_id = '${one}';
        update checks set "K" = "K" - 1 where run_id = '${next}';
        with gone as (delete from checks where run_id = '${one}' returning *)
        insert into checks (id, run_id, env, claim, model, prompt_version, "K", "R", created_at)
          select id, run_id, env, claim, model, prompt_version, "K", "R", created_at + interval '20 days' * (random() - 0.5)
          from gone;
        commit`).catch((error) => {
        if (error.code !== "40P01") throw error;
        return sql.unsafe("rollback");
      });
      commits++;
    }
  };
  const writing = Promise.all([11, 22].map(write));
  writing.catch(() => {});
  const statesOf = async () =>
    new Map((await readLane(exporter.lane)).flatMap(({ rows }) => rows).map((row) => [row.run_id, `${row.K}`]));
  try {
    for (let n = 0; n < 2; n++) {
      const before = commits;
      await exportHere(exporter, { from: "postgres", threads: 4, full: n === 1, allowShrink: true });
      assert.ok(commits > before + 20, `${commits - before} transactions`);
      const states = await statesOf();
      assert.equal(states.size, count);
      assert.equal([...states.values()].reduce((sum, K) => sum + Number(K), 0), 1000 * count);
    }
  } finally {
    isOver = true;
    await writing;
  }
  await exportHere(exporter, { from: "postgres", threads: 4, allowShrink: true });
  const rows = await database.sql`select run_id, "K"::text from checks`;
  assert.deepEqual(await statesOf(), new Map(rows.map(({ run_id, K }) => [run_id, K])));
});

Deno.test("export whose thread loses its session in mid-COPY fails in one line, and replaces nothing", async () => {
  await using exporter = await createLong(800);
  const { database: { sql } } = exporter;
  await sql`delete from checks where created_at >= '2025-09-03'`;
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  await insertChecks(
    exporter.database,
    10_000,
    11_500,
    "timestamptz '2025-09-03 00:00:00+00' + (n - 10000) * interval '1 hour'",
  );
  await sql`update checks set claim = repeat(md5(run_id), 1000)`;
  const child = exporter.start("export.ts", ["--threads", "2"]);
  const pid = await waitForCopy(sql);
  await sql`select pg_terminate_backend(${pid})`;
  const { code, stdout, stderr } = await finish(child);
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.match(
    stderr,
    /^Cannot export database "postgres@127.0.0.1:\d+\/test_\w+": (terminating connection due to administrator command|the connection was lost); .*\n$/,
  );
  assert.deepEqual(await fileStates(exporter.lane), before);
  assert.deepEqual(await listDebris(exporter.lane), []);
  await expectNoSession(sql);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends an export whose threads read, leaves nothing behind, and their sessions end`, async () => {
    await using exporter = await createLong(600);
    const { database: { sql } } = exporter;
    const child = exporter.start("export.ts", ["--threads", "2"]);
    await waitForCopy(sql);
    child.kill(signal);
    const { code, stdout, stderr } = await finish(child);
    assert.deepEqual([code, stdout, stderr], [130, "", "Interrupted export; nothing half done is visible\n"]);
    assert.deepEqual(await listDebris(exporter.lane), []);
    assert.deepEqual(Object.keys(await fileStates(exporter.lane)), []);
    await expectNoSession(sql);
  });
}

Deno.test("threads of a role that may only read, and whose transactions are read only, have sessions of their own", async () => {
  await using exporter = await createLong(300);
  const { database: { sql, name, url } } = exporter;
  const role = `reader_${name.slice(5, 20)}`;
  await sql.unsafe(`create role ${role} login; grant select on checks to ${role};
    alter role ${role} set default_transaction_read_only = on`);
  try {
    const theirs = new URL(url);
    theirs.username = role;
    const exporting = exportHere(by(exporter, theirs.href), { from: "postgres", threads: 2 });
    const { result, pids } = await watching(sql, exporting);
    assert.deepEqual([result.rows, result.told], [300, []]);
    assert.ok(pids.size >= 1 && pids.size <= 2);
  } finally {
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  }
});

Deno.test("threads have sessions of their own on a hot standby and on a server that is read only", async () => {
  await using primary = await startCluster();
  await using exporter = await createLong(300, primary.url);
  const { database: { sql, name } } = exporter;
  await using standby = await primary.standby();
  const url = standby.urlOf(name);
  await using replayed = await connectTo(url);
  const longOnes = "select count(*)::int as count from checks where length(claim) > 1000";
  while ((await replayed.unsafe(longOnes))[0].count < 300) await sleep(20);
  await sql.unsafe("alter system set default_transaction_read_only = on");
  await sql`select pg_reload_conf()`;
  const ways: [string, Sql, string][] = [["standby", replayed, url], ["primary", sql, exporter.database.url]];
  for (const [way, there, url] of ways) {
    const exportDir = join(exporter.home, way);
    const exporting = exportHere(by(exporter, url), { from: "postgres", threads: 2, exportDir });
    const { result, pids } = await watching(there, exporting);
    assert.deepEqual([result.rows, result.told], [300, []], way);
    assert.ok(pids.size >= 1 && pids.size <= 2);
  }
  const [one, other] = await Promise.all(ways.map(([way]) => contentsOf(join(exporter.home, way, "local"))));
  assert.deepEqual(one, other);
  // Else nobody could drop the test's database.
  await sql.unsafe("set default_transaction_read_only = off");
  await sql.unsafe("alter system reset default_transaction_read_only");
  await sql`select pg_reload_conf()`;
});
