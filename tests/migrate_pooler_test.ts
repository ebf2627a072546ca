import assert from "node:assert/strict";
import { takeMigrationLock } from "../tasks/lib/migration/lock.ts";
import { sharesSessions } from "../tasks/lib/postgres/pooler.ts";
import { parseDatabaseUrl } from "../tasks/lib/task/target.ts";
import { connectTo } from "./support/database.ts";
import { runOn } from "./support/migrate_here.ts";
import { createProject, type MigrationProject, relations } from "./support/migrations.ts";
import { pgBouncerTest, startPgBouncer } from "./support/pgbouncer.ts";
import { forward, startServer } from "./support/servers.ts";

const FILES = {
  "0001_first.sql": "create table a (id int);\n",
  "0002_index.sql": "-- migrate: no-transaction\ncreate index concurrently a_id on a (id);\n",
};

const POOL_SIZE = 6;

/** A project behind PgBouncer. */
interface Pooled extends AsyncDisposable {
  readonly project: MigrationProject;
  /** URL of its database through PgBouncer. */
  readonly url: string;
}

/** Puts a project behind PgBouncer, with clients that keep its sessions busy or not. */
async function startPooled({ clients }: { readonly clients: number }): Promise<Pooled> {
  const project = await createProject(FILES);
  const pooler = await startPgBouncer(project.database.url, POOL_SIZE);
  const url = new URL(project.database.url);
  url.port = String(pooler.port);
  let isBusy = true;
  const load = Array.from({ length: clients }, async () => {
    await using sql = await connectTo(url.href);
    while (isBusy) await sql.unsafe(`select pg_sleep(${0.004 * Math.random()})`);
  });
  return {
    project,
    url: url.href,
    async [Symbol.asyncDispose]() {
      isBusy = false;
      await Promise.all(load);
      await pooler[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

async function isShared(url: string): Promise<boolean> {
  await using sql = await connectTo(url);
  return await sharesSessions(sql, parseDatabaseUrl(url));
}

for (const [moment, clients] of [["idle", 0], ["busy", 10]] as const) {
  pgBouncerTest(`migrate refuses a PgBouncer that is ${moment}, whoever else asks at the same time`, async () => {
    await using pooled = await startPooled({ clients });
    const { project, url } = pooled;
    const seen = await Promise.all(Array.from({ length: 24 }, () => isShared(url)));
    assert.equal(seen.filter((shared) => !shared).length, 0);
    const runs = await Promise.all([1, 2, 3].map(() => project.migrateWith({ DATABASE_URL: url })));
    for (const { code, stderr } of runs) {
      assert.equal(code, 3, stderr);
      assert.match(stderr, /a pooler in transaction mode stands before it/);
    }
    assert.deepEqual(await relations(project.database), []);
  });
}

pgBouncerTest("sharesSessions() finds a session that changes its process, though no two share one", async () => {
  await using pooled = await startPooled({ clients: 0 });
  const [sql, first, second] = await Promise.all([1, 2, 3].map(() => connectTo(pooled.url)));
  await using _sql = sql;
  await using _first = first;
  await using _second = second;
  /** Has the pooler lend from now on the process that was not the last one before. */
  const turnOver = async () => {
    await first.unsafe("begin");
    await second.unsafe("begin");
    await first.unsafe("commit");
    await second.unsafe("commit");
  };
  await turnOver();
  using proxy = startServer(async (connection) => {
    await turnOver();
    await forward(connection, Number(new URL(pooled.url).port));
  });
  const target = { ...parseDatabaseUrl(pooled.url), port: proxy.port };
  assert.equal(await sharesSessions(sql, target), true);
});

pgBouncerTest("takeMigrationLock() leaves no lock in a session that a pooler has taken away", async () => {
  await using pooled = await startPooled({ clients: 10 });
  for (let times = 0; times < 5; times++) {
    await using sql = await connectTo(pooled.url);
    const lock = await takeMigrationLock(runOn(sql));
    await lock[Symbol.asyncDispose]();
    const locks = await pooled.project.database.sql`
        select from pg_locks where locktype = 'advisory'
          and database = (select oid from pg_database where datname = current_database())`;
    assert.equal(locks.length, 0);
  }
});
