import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openCatalog } from "../tasks/lib/analytics/catalog.ts";
import { openDuckDb } from "../tasks/lib/parquet/duckdb.ts";
import { literal } from "../tasks/lib/parquet/quote.ts";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { markOfFile } from "../tasks/lib/parquet/file_mark.ts";
import { type Manifest, parseManifest } from "../tasks/lib/lake/manifest.ts";
import { footerOf } from "../tasks/lib/parquet/footer.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, type Exporter, fileStates, insertChecks, listDebris } from "./support/exporter.ts";
import { listLane, type ParquetRow, readLane } from "./support/parquet.ts";

/** Days that both sources have rows of. */
const DAYS = ["dt=2025-09-29", "dt=2025-09-30"];

const keyOf = ({ source, run_id, execution_id }: ParquetRow) => `${source} ${run_id} ${execution_id}`;

/** All rows of a lane with their day, ordered by their keys. */
async function readRows(lane: string): Promise<unknown[]> {
  const rows = (await readLane(lane)).flatMap(({ path, rows }) =>
    rows.map((row) => ({ day: path.split("/")[0], ...row }))
  );
  return rows.toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}

async function readManifest({ lane }: Exporter): Promise<Manifest> {
  const path = join(lane, "_manifest.json");
  return parseManifest(path, await Deno.readTextFile(path), "checks");
}

/** Turns a lane into one as it was written before there was one file a day: files without a mark, two of them a day,
 * each with rows of both sources, and a manifest of format 1. */
async function makeEarlier(exporter: Exporter): Promise<void> {
  const { lane } = exporter;
  const { source: _source, state: _state, ...manifest } = await readManifest(exporter);
  using db = await openDuckDb();
  const days: Record<string, object> = {};
  for (const [day, { fingerprints, schema, skipped }] of Object.entries(manifest.days)) {
    const path = literal(join(lane, `dt=${day}/checks.parquet`));
    db.run(`create or replace table day as select *, row_number() over (order by created_at, run_id, execution_id) as n
      from read_parquet(${path}, hive_partitioning = false)`);
    const parts = [];
    for (const [index, file] of ["checks.parquet", "checks-2.parquet"].entries()) {
      const rows = `(select * exclude (n) from day where n % 2 = ${index})`;
      db.dropFile("earlier");
      db.run(`copy ${rows} to 'memory/earlier' (format parquet, codec zstd)`);
      const bytes = db.fileBytes("earlier").slice();
      await Deno.writeFile(join(lane, `dt=${day}/${file}`), bytes);
      const [postgres, sqlite, first, last] = db.one(`select count(*) filter (source = 'postgres'),
        count(*) filter (source = 'sqlite'), min(epoch_us(created_at)), max(epoch_us(created_at)) from ${rows}`);
      parts.push({
        file,
        sizeBytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        rows: { postgres: Number(postgres), sqlite: Number(sqlite) },
        minCreatedAt: first,
        maxCreatedAt: last,
      });
    }
    days[day] = { fingerprints, schema, skipped, parts };
  }
  await Deno.writeTextFile(join(lane, "_manifest.json"), JSON.stringify({ ...manifest, format: 1, days }));
}

/** An exporter whose lane is an earlier version's, both sources as they were exported, and the lane's rows. */
async function createEarlier(): Promise<{ exporter: Exporter; rows: unknown[] } & AsyncDisposable> {
  const exporter = await createExporter();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 16, days: 2 });
  await insertChecks(exporter.database, 1, 40, "timestamptz '2025-09-29 00:00:00.000001+00' + n * interval '1 hour'");
  await exportHere(exporter);
  const rows = await readRows(exporter.lane);
  await makeEarlier(exporter);
  assert.deepEqual(await readRows(exporter.lane), rows);
  return { exporter, rows, [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose]() };
}

const EARLIER = DAYS.flatMap((day) => [`${day}/checks-2.parquet`, `${day}/checks.parquet`]);
const TODAY = DAYS.map((day) => `${day}/checks.parquet`);

/** Whether all of a lane is of today's form: one marked file a day, rows of one source in each row group. */
async function assertToday(exporter: Exporter): Promise<void> {
  assert.deepEqual(await listLane(exporter.lane), [".lock", "_manifest.json", ...TODAY]);
  for (const path of TODAY) {
    const footer = footerOf(await Deno.readFile(join(exporter.lane, path)));
    assert.deepEqual(markOfFile(footer), { dataset: "checks", redacted: [] });
  }
  for (const { rowGroups, rows } of await readLane(exporter.lane)) {
    assert.deepEqual(rowGroups.length, new Set(rows.map(({ source }) => source)).size);
  }
  assert.match(await Deno.readTextFile(join(exporter.lane, "_manifest.json")), /"format": 2,/);
}

Deno.test("analytics reads a lane of an earlier version, every row once", async () => {
  await using earlier = await createEarlier();
  const { exporter, rows } = earlier;
  assert.deepEqual(await listLane(exporter.lane), [".lock", "_manifest.json", ...EARLIER]);
  using catalog = await openCatalog(join(exporter.lane, ".."), new AbortController().signal);
  const sql = "select count(*), count(distinct source || run_id || coalesce(execution_id, '')) from checks";
  assert.deepEqual((await catalog.query({ name: "count", sql })).rows, [[`${rows.length}`, `${rows.length}`]]);
});

for (const from of ["all", "postgres", "sqlite"] as const) {
  Deno.test(`export from ${from} turns a lane of an earlier version into today's, no row lost or doubled`, async () => {
    await using earlier = await createEarlier();
    const { exporter, rows } = earlier;
    const dry = await exportHere(exporter, { from, dryRun: true });
    assert.deepEqual(dry.plan.writes.map(({ reason }) => reason), ["schema", "schema"]);
    await exportHere(exporter, { from });
    assert.deepEqual(await readRows(exporter.lane), rows);
    await assertToday(exporter);
    await exportHere(exporter);
    const before = await fileStates(exporter.lane);
    assert.equal((await exportHere(exporter)).files, 0, "and there is nothing left to do");
    assert.deepEqual(await fileStates(exporter.lane), before);
  });
}

Deno.test("a change of either source reaches a lane of an earlier version, the other source's rows stay", async () => {
  await using earlier = await createEarlier();
  const { exporter, rows } = earlier;
  const { database: { sql } } = exporter;
  await sql`update checks set claim = 'new' where run_id = 'run-7'`;
  await sql`delete from checks where run_id = 'run-8'`;
  await exportHere(exporter, { from: "postgres" });
  await assertToday(exporter);
  const expected = (rows as ParquetRow[]).filter(({ run_id }) => run_id !== "run-8")
    .map((row) => row.run_id === "run-7" ? { ...row, claim: "new" } : row);
  assert.deepEqual(await readRows(exporter.lane), expected);
});

Deno.test("the hook turns its own day alone into today's form", async () => {
  await using earlier = await createEarlier();
  const { exporter, rows } = earlier;
  const before = await fileStates(exporter.lane);
  {
    using db = new DatabaseSync(join(exporter.home, "heretix.sqlite"));
    db.exec("insert into runs (run_id, created_at) values ('late', 1759190400)");
    db.exec("insert into executions (execution_id, run_id, created_at) values ('exec-late', 'late', 1759190400)");
  }
  await exportHere(exporter, { from: "sqlite", run: "late" });
  assert.deepEqual(await listLane(exporter.lane), [".lock", "_manifest.json", ...EARLIER.slice(0, 2), TODAY[1]]);
  const after = await fileStates(exporter.lane);
  for (const path of EARLIER.slice(0, 2)) assert.equal(after[path], before[path]);
  const late = (row: unknown) => (row as ParquetRow).run_id === "late";
  const now = await readRows(exporter.lane);
  assert.deepEqual([now.filter(late).length, now.filter((row) => !late(row))], [1, rows]);
  // What the day lacks is known for the other day, too, whose files are of the earlier form.
  await exportHere(exporter, { from: "sqlite", missingOnly: true });
  assert.deepEqual((await readRows(exporter.lane)).length, rows.length + 1);
  await exportHere(exporter);
  await assertToday(exporter);
  assert.deepEqual((await readRows(exporter.lane)).filter((row) => !late(row)), rows);
});

/** Makes every change of the disk fail from the n-th one on that would be visible, as if the process had been killed. */
async function killAt(n: number, work: () => Promise<unknown>): Promise<boolean> {
  const { rename, remove } = Deno;
  let left = n;
  const die = () => {
    if (left-- <= 0) throw new Error("killed");
  };
  Deno.rename = async (from, to) => {
    die();
    await rename(from, to);
  };
  Deno.remove = async (path, options) => {
    if (/\.(parquet|json)$/.test(`${path}`)) die();
    else if (left <= 0) throw new Error("killed");
    await remove(path, options);
  };
  try {
    await work();
    return false;
  } catch (error) {
    assert.match(`${error}`, /killed/);
    return true;
  } finally {
    Object.assign(Deno, { rename, remove });
  }
}

Deno.test("an export of a lane of an earlier version that is killed at any step is finished by the next", async () => {
  await using earlier = await createEarlier();
  const { exporter, rows } = earlier;
  const copy = async (from: string, to: string) => {
    await Deno.remove(to, { recursive: true }).catch(() => {});
    await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  };
  const saved = join(exporter.home, "saved");
  await copy(exporter.lane, saved);
  for (let step = 0;; step++) {
    await copy(saved, exporter.lane);
    if (!await killAt(step, () => exportHere(exporter, { from: "postgres" }))) break;
    const { told } = await exportHere(exporter, { from: "postgres" });
    assert.deepEqual(told.filter((line) => line.startsWith("Warning")), [], `killed at step ${step}`);
    assert.deepEqual(await readRows(exporter.lane), rows, `killed at step ${step}`);
    await assertToday(exporter);
    assert.deepEqual(await listDebris(exporter.lane), []);
    // The journal, two days, two files that go, the manifest, and the journal's end.
    assert.ok(step < 7);
  }
});
