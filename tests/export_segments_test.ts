import assert from "node:assert/strict";
import { readDatasets } from "../tasks/lib/dataset/datasets.ts";
import type { Segment, TableSource } from "../tasks/lib/dataset/source.ts";
import { withPostgresSources } from "../tasks/lib/sources/postgres.ts";
import { MAX_GROUP_ROWS } from "../tasks/lib/sources/segments.ts";
import { connectTo } from "./support/database.ts";
import { createExporter, type Exporter, insertChecks } from "./support/exporter.ts";

/** Gives the sources of the named datasets of an exporter's database to `use`. */
async function withTables<T>(
  { database }: Exporter,
  names: readonly string[],
  use: (...tables: TableSource[]) => T | Promise<T>,
): Promise<T> {
  await using sql = await connectTo(database.url);
  return await withPostgresSources(sql, {
    tables: (await readDatasets(names)).map((dataset) => ({ dataset, onUnlisted: () => {} })),
    origin: { host: "127.0.0.1", port: 5432 },
    patience: { label: "me@host:5432/db", idleMs: 60_000, startMs: 60_000 },
    range: {},
  }, async (tables) => await use(...tables.map((table) => table!)));
}

/** How many rows the COPY of some segments gives. */
async function countOf(table: TableSource, segments: readonly Segment[]): Promise<number> {
  let messages = 0;
  await table.read(table.copySql(segments), () => void messages++);
  // The header comes with the first row, the trailer by itself.
  return messages - 1;
}

const at = (start: string, each: string) => `timestamptz '${start}+00' + (n % 100000) * interval '${each}'`;

Deno.test("segments() cuts days of more rows than a row group holds, and COPYs of them give each row once", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  const most = MAX_GROUP_ROWS;
  // A day as full as one segment can be, one with a row more, and the ends of time.
  await insertChecks(database, 1, most, at("2025-09-01 00:00:00", "2 seconds"));
  await insertChecks(database, 100_000, 100_000 + most, at("2025-09-03 00:00:00", "2 seconds"));
  await insertChecks(database, 300_001, 300_003, at("0001-01-01 00:00:00", "0 days"));
  await insertChecks(database, 300_004, 300_006, at("9999-12-31 23:59:59.999999", "0 days"));
  await withTables(exporter, ["checks"], async (table) => {
    const days = [...table.days.keys()];
    const segments = table.segments(days);
    const byDay = Map.groupBy(segments, ({ day }) => day);
    assert.deepEqual([...byDay.keys()], days);
    for (const [day, ours] of byDay) {
      const { rows } = table.days.get(day)!;
      assert.equal(ours.reduce((sum, segment) => sum + segment.rows, 0), rows, day);
      if (rows <= most) assert.deepEqual(ours, [{ day, minutes: [0, 1440], rows }]);
      for (const segment of ours) assert.equal(await countOf(table, [segment]), segment.rows, day);
    }
    assert.equal(await countOf(table, segments), 2 * most + 1 + 6);
    assert.equal(byDay.get("0001-01-01")![0].rows, 3);
    assert.deepEqual([...byDay.values()].map((ours) => ours.length), [1, 1, 2, 1]);
    assert.deepEqual(table.segments(days), segments);
    assert.deepEqual(table.segments(["2025-09-03"]), byDay.get("2025-09-03"));
    assert.deepEqual(table.segments([]), []);
  });
  // A bulk import within a minute is one part, which is not cut.
  await database
    .sql`update checks set created_at = '2025-09-03 12:00:00+00' where created_at between '2025-09-03' and '2025-09-04'`;
  await withTables(exporter, ["checks"], (table) => {
    assert.deepEqual(table.segments(["2025-09-03"]).map(({ minutes }) => minutes), [[0, 1440]]);
  });
});

Deno.test("segments() cuts by UTC, and gives rows at the borders of ten minutes and of a day to one segment each", async () => {
  await using exporter = await createExporter();
  const { database } = exporter;
  await database.sql.unsafe(`alter database ${database.name} set timezone = 'Asia/Kathmandu'`);
  const day = "1999-12-31";
  await insertChecks(database, 1, 2 * MAX_GROUP_ROWS, at(`${day} 00:00:00`, "1.3 seconds"));
  await insertChecks(database, 100_000, 100_143, at(`${day} 00:00:00`, "10 minutes"));
  await insertChecks(database, 200_000, 200_143, at(`${day} 00:09:59.999999`, "10 minutes"));
  await withTables(exporter, ["checks"], async (table) => {
    assert.deepEqual([...table.days.keys()], [day]);
    const segments = table.segments([day]);
    assert.ok(segments.length >= 2);
    for (const segment of segments) assert.equal(await countOf(table, [segment]), segment.rows);
    assert.equal(await countOf(table, segments), table.days.get(day)!.rows);
  });
});

Deno.test("segments() takes a day of a date as one segment, however many rows it has", async () => {
  await using exporter = await createExporter();
  const { sql } = exporter.database;
  await sql`insert into users (id, email) select gen_random_uuid(), 'user' || n || '@example.org' from generate_series(1, ${
    MAX_GROUP_ROWS + 1
  }::int) n`;
  await sql`insert into usage_ledger (user_id, period_start, period_end, plan, checks_allowed, checks_used)
    select u.id, month, month + 30, 'trial', 3, 1 from users u, (values ('2025-08-01'::date), ('2025-09-01'::date)) as m (month)
    where month = '2025-08-01' or u.email < 'user2'`;
  await withTables(exporter, ["usage_ledger"], async (table) => {
    const days = [...table.days.keys()];
    const segments = table.segments(days);
    const wanted = days.map((day) => ({ day, minutes: [0, 1440], rows: table.days.get(day)!.rows }));
    assert.deepEqual(segments, wanted);
    assert.equal(wanted[0].rows, MAX_GROUP_ROWS + 1);
    for (const segment of segments) assert.equal(await countOf(table, [segment]), segment.rows);
  });
});

Deno.test("copySql() leaves ties to the index where the server reads by one, and else puts them in order by their keys", async () => {
  await using exporter = await createExporter();
  const { database: { sql, url } } = exporter;
  await insertChecks(exporter.database, 1, 10);
  const orderOf = () =>
    withTables(exporter, ["checks"], (table) => {
      const text = table.copySql(table.segments([...table.days.keys()]));
      return /order by (.*)\) to stdout/.exec(text)![1];
    });
  assert.equal(await orderOf(), `d."created_at", d."id"`, "so few rows are sorted");
  await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set enable_seqscan = off`);
  assert.equal(await orderOf(), `d."created_at"`);
  await sql`drop index ix_checks_created_at`;
  assert.equal(await orderOf(), `d."created_at", d."id"`);
});
