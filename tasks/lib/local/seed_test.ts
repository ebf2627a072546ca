import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { openDatabase } from "../postgres/database.ts";
import { readMigrations } from "../migration/files.ts";
import { migrate } from "../migration/run.ts";
import { openReport } from "../task/console.ts";
import { requireSeedable, seedDatabase, type SeedStep } from "./seed.ts";
import { parseDatabaseUrl, type Target } from "../task/target.ts";
import type { Sql } from "../postgres/connection.ts";

const report = openReport({ quiet: true });
const { signal } = new AbortController();

/** Migrates a database, then calls back. */
async function onMigrated<T>(target: Target, work: (sql: Sql) => Promise<T>): Promise<T> {
  await using database = await openDatabase(target, { report, signal });
  await migrate(database, await readMigrations(), { report, signal });
  return await work(database.sql);
}

/** A digest of every seeded row. */
async function digestOf(sql: Sql): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const table of ["users", "requests", "anonymous_usage", "checks", "usage_ledger"]) {
    const [{ digest }] = await sql.unsafe(
      `select md5(string_agg(t::text, E'\\n' order by t::text collate "C")) as digest from ${table} as t`,
    );
    digests[table] = digest;
  }
  return digests;
}

Deno.test("seedDatabase() makes the same rows on Postgres and on the embedded database", async () => {
  await using server = await createTestDatabase();
  const directory = await Deno.makeTempDir();
  const seedAndDigest = async (sql: Sql) => {
    await seedDatabase(sql, { rows: 300, days: 7 });
    await sql`set time zone 'UTC'`;
    return await digestOf(sql);
  };
  try {
    const embedded: Target = { kind: "embedded", directory: `${directory}/pglite`, local: true, label: "a test's" };
    const [wanted, found] = [
      await onMigrated(parseDatabaseUrl(server.url), seedAndDigest),
      await onMigrated(embedded, seedAndDigest),
    ];
    assert.deepEqual(found, wanted);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("seedDatabase() adds rows once, even over the days, with all that real rows have", async (t) => {
  await using server = await createTestDatabase();
  await onMigrated(parseDatabaseUrl(server.url), async (sql) => {
    const counts = await seedDatabase(sql, { rows: 1000, days: 10 });
    const one = async (expression: string) => (await sql.unsafe(`select ${expression} as it from checks`))[0].it;

    await t.step("a second run adds none", async () => {
      assert.equal(counts.checks, 1000);
      const again = await seedDatabase(sql, { rows: 1000, days: 10 });
      assert.deepEqual(Object.values(again), [0, 0, 0, 0, 0]);
    });
    await t.step("a hundred rows a day, to the microsecond", async () => {
      const days = await sql`select count(*) from checks
        group by (created_at at time zone 'UTC')::date order by (created_at at time zone 'UTC')::date`;
      assert.deepEqual(days.map(({ count }) => Number(count)), Array(10).fill(100));
      assert.ok(
        Number(await one("count(*) filter (where extract(microseconds from created_at)::int % 1000 <> 0)")) > 900,
      );
    });
    await t.step("seeds above 2^63, both modes, anonymous visitors, users and requests", async () => {
      const large = "count(*) filter (where bootstrap_seed > 9223372036854775807)";
      assert.ok(Number(await one(large)) > 400);
      assert.equal(Number(await one("count(distinct mode)")), 2);
      for (const column of ["anon_token", "user_id", "request_id", "p_web", "resolved_truth", "cost_usd", "pqs"]) {
        const filled = Number(await one(`count(${column})`));
        assert.ok(filled > 0 && filled < 1000, column);
      }
    });
  });
});

Deno.test("seedDatabase() and requireSeedable() end with their signal, though a table is locked", async () => {
  await using server = await createTestDatabase();
  const target = parseDatabaseUrl(server.url);
  await onMigrated(target, async (sql) => {
    await server.sql.unsafe("begin; lock table users");
    const unlock = setTimeout(() => server.sql.unsafe("commit").catch(() => {}), 20_000);
    for (
      const work of [
        (signal: AbortSignal) => seedDatabase(sql, { rows: 1, days: 1, signal }),
        (signal: AbortSignal) => requireSeedable(sql, target, { signal }),
      ]
    ) {
      await assert.rejects(work(AbortSignal.timeout(300)), /canceling statement due to user request/);
    }
    clearTimeout(unlock);
    await server.sql.unsafe("commit");
    assert.deepEqual([...await sql`select id from users`], []);
  });
});

Deno.test("seedDatabase() tells its steps, and makes each row of checks in one of them", async () => {
  await using server = await createTestDatabase();
  await onMigrated(parseDatabaseUrl(server.url), async (sql) => {
    const steps: string[] = [];
    const onStep = ({ table, rows }: SeedStep) => void steps.push(`${table} ${rows}`);
    const { checks } = await seedDatabase(sql, { rows: 40_001, days: 2, onStep });
    assert.equal(checks, 40_001);
    assert.deepEqual(steps, [
      ...["users 0", "requests 0", "anonymous_usage 0", "checks 0", "checks 20000", "checks 40000", "usage_ledger 0"],
    ]);
  });
});

Deno.test("seedDatabase() says what to do when the tables are not there", async () => {
  await using server = await createTestDatabase();
  await assert.rejects(seedDatabase(server.sql, { rows: 1, days: 1 }), {
    message: 'Cannot seed the database: relation "users" does not exist; run deno task migrate first',
  });
});
