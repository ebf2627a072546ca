import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { connectTo, createTestDatabase, type TestDatabase } from "./support/database.ts";
import { pgBouncerTest, startPgBouncer } from "./support/pgbouncer.ts";
import { assertSameLakes, fillDatabase } from "./support/same_lake.ts";

/** What another client of a session may have left in it, and nothing here may heed; PgBouncer itself sees to the time
 * zone and the date style. */
const LEFT_BEHIND = `set quote_all_identifiers = on; set search_path = nowhere; set lock_timeout = '1ms';
  set default_transaction_isolation = 'serializable'`;

/** Gives a filled database to `use`, and its URL through a PgBouncer whose few sessions other clients keep busy. */
async function withPooled(use: (database: TestDatabase, pooled: string) => Promise<void>): Promise<void> {
  await using database = await createTestDatabase();
  await fillDatabase(database);
  await using pooler = await startPgBouncer(database.url, 3);
  const pooled = new URL(database.url);
  pooled.port = `${pooler.port}`;
  let isBusy = true;
  const clients = Array.from({ length: 4 }, async () => {
    await using sql = await connectTo(pooled.href);
    while (isBusy) await sql.unsafe(`${LEFT_BEHIND}; select pg_sleep(${0.004 * Math.random()})`);
  });
  try {
    await use(database, pooled.href);
  } finally {
    isBusy = false;
    await Promise.all(clients);
  }
}

pgBouncerTest(
  "export through PgBouncer in transaction mode gives the files and manifests of the direct way",
  () =>
    withPooled((database, pooled) =>
      assertSameLakes(database, [{ name: "direct", url: database.url }, { name: "pooled", url: pooled }])
    ),
);

pgBouncerTest(
  "checks through PgBouncer in transaction mode find what they find the direct way",
  () =>
    withPooled(async ({ url }, pooled) => {
      for (const [task, ...args] of [["db:check", "--json"], ["db:diff"], ["migrate", "--status"]]) {
        const find = async (DATABASE_URL: string) => {
          const { code, stdout, stderr } = await runCommand(task, args, { env: { DATABASE_URL } });
          assert.deepEqual([code, stderr], [0, ""], task);
          // What differs from one moment to the next, and the port.
          return stdout.replace(/127\.0\.0\.1:\d+|"(latencyMs|clockSkewMs)": -?[\d.]+/g, "");
        };
        assert.equal(await find(pooled), await find(url), task);
      }
    }),
);
