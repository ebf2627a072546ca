import assert from "node:assert/strict";
import { join } from "node:path";
import { type Cluster, startCluster } from "../../../tests/support/cluster.ts";
import { connectTo } from "../../../tests/support/database.ts";
import { openDatabase } from "../postgres/database.ts";
import { recordStart } from "../postgres/embedded_starts.ts";
import { type Sql, withTransaction } from "../postgres/connection.ts";
import { openReport } from "../task/console.ts";
import type { Origin } from "../postgres/database.ts";
import { isFlushed, readServerState } from "./server_state.ts";
import { type CurrentState, hasOnlyGoneForward } from "../dataset/source_state.ts";

const ORIGIN: Origin = { host: "127.0.0.1", port: 5432 };

/** Reads a state as an export does: in a transaction that has its snapshot, which must survive it. */
async function readState(sql: Sql, origin = ORIGIN): Promise<CurrentState> {
  return await withTransaction(sql, "isolation level repeatable read read only", async (tx) => {
    const state = await readServerState(tx, origin);
    await tx`select 1`;
    return state;
  });
}

async function stateAt(url: string, origin = ORIGIN): Promise<CurrentState> {
  await using sql = await connectTo(url);
  return await readState(sql, origin);
}

async function runAt(url: string, statements: string): Promise<void> {
  await using sql = await connectTo(url);
  await sql.unsafe(statements);
}

async function nextState({ url }: Cluster): Promise<CurrentState> {
  await runAt(url, "create table if not exists t (n int); insert into t values (1)");
  return await stateAt(url);
}

Deno.test("readServerState() goes forward with a server that runs, and starts anew with one that is started or restored", async () => {
  await using cluster = await startCluster();
  const first = await stateAt(cluster.url);
  assert.match(first.id, /^postgres \d{15,20}\/postgres$/);
  assert.match(first.start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.equal(first.timeline, "00000001");
  const second = await nextState(cluster);
  assert.equal(hasOnlyGoneForward(first, second), true);
  assert.equal(hasOnlyGoneForward(second, first), false, "the log is behind");
  await cluster.stop();
  await cluster.copyData();
  await cluster.start();
  const third = await nextState(cluster);
  assert.equal(third.id, first.id);
  assert.equal(hasOnlyGoneForward(second, third), false, "started anew");
  await cluster.stop();
  await cluster.restoreData();
  await cluster.start();
  const restored = await nextState(cluster);
  assert.equal(restored.id, first.id);
  assert.equal(hasOnlyGoneForward(third, restored), false, "restored");
});

Deno.test("readServerState() depends on no setting of role or database", async () => {
  await using cluster = await startCluster();
  const plain = await stateAt(cluster.url);
  await runAt(
    cluster.url,
    `alter database postgres set timezone = 'Pacific/Kiritimati'; alter role postgres set datestyle = 'SQL, DMY';
    alter role postgres set extra_float_digits = -15`,
  );
  const { id, start, timeline } = await stateAt(cluster.url);
  assert.deepEqual({ id, start, timeline }, { id: plain.id, start: plain.start, timeline: plain.timeline });
});

Deno.test("readServerState() works for a plain role, and names host and port where the system identifier is not for it", async () => {
  await using cluster = await startCluster();
  await runAt(cluster.url, "create role plain login");
  const [own, plain] = [await stateAt(cluster.url), await stateAt(cluster.urlOf("postgres", "plain"))];
  assert.deepEqual({ ...plain, position: "" }, { ...own, position: "" });
  const other = await stateAt(cluster.urlOf("template1", "plain"));
  assert.equal(other.id, own.id.replace(/postgres$/, "template1"));
  await runAt(
    cluster.url,
    "revoke execute on function pg_control_system(), pg_control_checkpoint(), pg_control_recovery() from public",
  );
  const denied = await stateAt(cluster.urlOf("postgres", "plain"));
  assert.deepEqual({ ...denied, position: "" }, { ...own, id: "postgres 127.0.0.1:5432/postgres", position: "" });
  assert.equal(hasOnlyGoneForward(denied, await stateAt(cluster.urlOf("postgres", "plain"))), true);
});

Deno.test("readServerState() tells a standby, and its promotion at once", async () => {
  await using cluster = await startCluster();
  const primary = await nextState(cluster);
  await using standby = await cluster.standby();
  await runAt(cluster.url, "create role plain login");
  await using replayed = await connectTo(standby.url);
  while ((await replayed`select from pg_roles where rolname = 'plain'`).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const before = await stateAt(standby.urlOf("postgres", "plain"));
  assert.equal(before.id, primary.id);
  assert.equal(before.timeline, "standby");
  assert.equal(hasOnlyGoneForward(primary, before), false, "another server");
  assert.equal(hasOnlyGoneForward(before, await stateAt(standby.url)), true, "it runs on");
  assert.equal(await isFlushed(replayed, before.position), true);
  await runAt(standby.url, "select pg_promote()");
  const after = await stateAt(standby.url);
  assert.equal(after.start, before.start);
  assert.equal(after.timeline, "00000002");
  assert.equal(hasOnlyGoneForward(before, after), false, "promoted");
  assert.equal(hasOnlyGoneForward(primary, after), false, "failed over");
});

Deno.test("readServerState() takes Neon's tenant and timeline for the start, and its host for the system", async () => {
  await using cluster = await startCluster();
  const [tenant, main, branch] = ["0a".repeat(16), "1b".repeat(16), "2c".repeat(16)];
  const origin = { host: "EP-Cool-1-pooler.eu.aws.neon.tech", port: 5432 };
  const startOn = async (timeline: string) => {
    await cluster.stop();
    await cluster.start({ "neon.tenant_id": tenant, "neon.timeline_id": timeline });
  };
  await startOn(main);
  const before = await stateAt(cluster.url, origin);
  assert.equal(before.id, "neon ep-cool-1.eu.aws.neon.tech/postgres");
  assert.equal(before.start, `${tenant}/${main}`);
  await startOn(main);
  const direct = { ...origin, host: "ep-cool-1.eu.aws.neon.tech" };
  assert.equal(hasOnlyGoneForward(before, await stateAt(cluster.url, direct)), true, "a compute starts at will");
  await startOn(branch);
  const restored = await stateAt(cluster.url, origin);
  assert.equal(restored.id, before.id);
  assert.equal(hasOnlyGoneForward(before, restored), false, "restored");
});

Deno.test("isFlushed() is false for what a crash takes back, which goes forward without a trace afterwards", async () => {
  await using cluster = await startCluster({ synchronous_commit: "off", wal_writer_delay: "10s" });
  const before = await (async () => {
    await using sql = await connectTo(cluster.url);
    await sql`create table t as select 1 as n`;
    await sql`checkpoint`;
    await sql`update t set n = 2`;
    const state = await readState(sql);
    assert.equal(await isFlushed(sql, state.position, { waitMs: 100 }), false);
    return state;
  })();
  await cluster.crash();
  await using sql = await connectTo(cluster.url);
  assert.deepEqual([...await sql`select n from t`], [{ n: 1 }], "the crash took the update back");
  await sql`insert into t select generate_series(1, 10000)`;
  const after = await readState(sql);
  assert.equal(after.start, before.start);
  assert.equal(hasOnlyGoneForward(before, after), true, "so a state that is not flushed must not be kept");
});

Deno.test("isFlushed() waits for the server's own writing, and is true on an idle one", async () => {
  await using cluster = await startCluster({ synchronous_commit: "off", checkpoint_timeout: "1d" });
  await using sql = await connectTo(cluster.url);
  await sql`create table t as select 1 as n`;
  assert.equal(await isFlushed(sql, (await readState(sql)).position), true);
  // The next position stands behind the header of a file that nothing was written to.
  await sql`select pg_switch_wal()`;
  const { position } = await readState(sql);
  assert.match(position, /000028$/);
  assert.equal(await isFlushed(sql, position), true);
  assert.equal(await isFlushed(sql, "FFFFFFFF/0", { waitMs: 0 }), false);
});

Deno.test("readServerState() follows the embedded database from start to start, and finds a copy put back", async () => {
  const home = await Deno.makeTempDir({ prefix: "heretix-embedded-" });
  const [directory, copy] = [join(home, "pglite"), join(home, "copy")];
  const replace = async (from: string, to: string) => {
    await Deno.remove(to, { recursive: true }).catch(() => {});
    const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
    assert.ok(success);
  };
  const open = async () => {
    const report = openReport({ quiet: true });
    await using database = await openDatabase({ kind: "embedded", directory, local: true, label: "a test's" }, {
      report,
    });
    await database.sql`create table if not exists t (n int)`;
    await database.sql`insert into t values (1)`;
    const state = await readState(database.sql, database.origin);
    assert.equal(await isFlushed(database.sql, state.position), true);
    return state;
  };
  const first = await open();
  assert.equal(first.id, `embedded ${await Deno.realPath(directory)}`);
  await replace(directory, copy);
  const second = await open();
  assert.deepEqual(second.starts, [first.start, second.start]);
  assert.equal(hasOnlyGoneForward(first, second), true);
  assert.equal(hasOnlyGoneForward(second, await open()), true);
  await replace(copy, directory);
  const restored = await open();
  assert.equal(hasOnlyGoneForward(second, restored), false, "the copy was put back");
  assert.equal(hasOnlyGoneForward(first, restored), true, "it had the first start behind it");
  await Deno.remove(directory, { recursive: true });
  assert.equal(hasOnlyGoneForward(first, await open()), false, "made anew");
  await Deno.remove(home, { recursive: true });
});

Deno.test("recordStart() keeps the last 2000 starts, and leaves out what is none", async () => {
  const directory = await Deno.makeTempDir({ prefix: "heretix-starts-" });
  const path = join(directory, "heretix_starts");
  const earlier = Array.from({ length: 2100 }, () => crypto.randomUUID());
  await Deno.writeTextFile(path, ["garbage", ...earlier, earlier[0].slice(1)].join("\n"));
  const starts = await recordStart(directory);
  assert.deepEqual(starts.slice(0, -1), earlier.slice(-1999));
  assert.deepEqual((await recordStart(directory)).slice(0, -1), starts.slice(1));
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["heretix_starts"]);
  await Deno.remove(directory, { recursive: true });
});
