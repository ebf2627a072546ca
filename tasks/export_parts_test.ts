import assert from "node:assert/strict";
import { MAX_PART_BYTES, MAX_PART_ROWS } from "./lib/stage.ts";
import { createExporter, type Exporter, insertChecks } from "./testing/exporter.ts";
import { createHarnessFile } from "./testing/harness.ts";
import { readLane } from "./testing/parquet.ts";

const DAY = "dt=2025-09-01";

/** The parts of a lane after an export that ends well: rows by path. */
async function exportParts(
  exporter: Exporter,
  ...args: string[]
): Promise<{ rows: Record<string, number>; runs: string[] }> {
  const { code, stderr } = await exporter.export(args);
  assert.equal(code, 0, stderr);
  const files = await readLane(exporter.lane);
  for (const { rowGroups, rows } of files) assert.deepEqual(rowGroups, [rows.length]);
  return {
    rows: Object.fromEntries(files.map(({ path, rows }) => [path, rows.length])),
    runs: files.flatMap(({ rows }) => rows.map((row) => `${row.run_id}`)),
  };
}

const runIds = (count: number) => Array.from({ length: count }, (_, i) => `run-${i + 1}`);

Deno.test("export cuts a day of many rows into parts of one size, in order, and takes away those that it no longer needs", async () => {
  await using exporter = await createExporter();
  const count = Math.ceil(1.2 * MAX_PART_ROWS);
  await insertChecks(
    exporter.database,
    1,
    count,
    "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 microsecond'",
  );
  const full = await exportParts(exporter);
  assert.deepEqual(Object.keys(full.rows), [`${DAY}/checks-2.parquet`, `${DAY}/checks.parquet`]);
  for (const rows of Object.values(full.rows)) assert.ok(Math.abs(rows - count / 2) < 0.1 * count, `${rows}`);
  const second = full.rows[`${DAY}/checks-2.parquet`];
  assert.deepEqual([...full.runs.slice(second), ...full.runs.slice(0, second)], runIds(count));
  await exporter.database.sql`delete from checks where prob_true_rpl > 0.001`;
  assert.deepEqual((await exportParts(exporter, "--allow-shrink")).rows, { [`${DAY}/checks.parquet`]: 1000 });
});

Deno.test("export leaves a few rows of the harness in the file of the day's many rows of Postgres", async () => {
  await using exporter = await createExporter();
  const count = Math.ceil(0.6 * MAX_PART_ROWS);
  await insertChecks(exporter.database, 1, count, "timestamptz '2025-09-01 12:00:00+00'");
  using file = createHarnessFile(`${exporter.home}/heretix.sqlite`);
  file.insert("runs", { run_id: "research", created_at: 1756684800 });
  const path = `${DAY}/checks.parquet`;
  assert.deepEqual((await exportParts(exporter, "--from", "all")).rows, { [path]: count + 1 });
  await exporter.database.sql`delete from checks where run_id = 'run-1'`;
  const { rows, runs } = await exportParts(exporter);
  assert.deepEqual(rows, { [path]: count });
  assert.equal(runs[0], "research");
});

Deno.test("export cuts a day of few but long rows, too", async () => {
  await using exporter = await createExporter();
  const count = Math.ceil(1.5 * MAX_PART_BYTES / 1e6);
  await insertChecks(exporter.database, 1, count);
  await exporter.database.sql`
    update checks set claim = repeat('x', 1000000), created_at = timestamptz '2025-09-01 00:00:00+00' + (created_at - timestamptz '2025-09-01 00:00:00+00') / 1000`;
  const { rows, runs } = await exportParts(exporter);
  assert.deepEqual(Object.keys(rows), [`${DAY}/checks-2.parquet`, `${DAY}/checks.parquet`]);
  assert.deepEqual(new Set(runs), new Set(runIds(count)));
  assert.equal(runs.length, count);
});
