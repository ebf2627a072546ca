import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { writeHarnessSample } from "./lib/harness_sample.ts";
import { createExporter, fileStates, finish, insertChecks, listDebris } from "./testing/exporter.ts";
import { type LaneFile, type ParquetRow, readLane } from "./testing/parquet.ts";

/** How many hooks are called at once; each takes about a second of processor time. */
const HOOKS = Number(Deno.env.get("HOOKS") || 16);

const DAY = "dt=2025-10-01/checks.parquet";

/** Adds runs of 2025-10-01 to a harness database, each with one execution, as the harness does. */
function addRuns(path: string, from: number, count: number): void {
  using db = new DatabaseSync(path);
  for (let n = from; n < from + count; n++) {
    const values = `'hook-${n}', ${1_759_276_800 + n}, 'claim ${n}', 'gpt-5', '18446744073709551615'`;
    db.exec(`
      insert into runs (run_id, created_at, claim, model, seed) values (${values});
      insert into executions (run_id, created_at, claim, model, seed, execution_id) values (${values}, 'exec-${n}')`);
  }
}

function keyOf({ execution_id, run_id }: ParquetRow): string {
  return `${execution_id ?? run_id}`;
}

Deno.test(`export:run called ${HOOKS} times at once appends every run once, to one file`, async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 8, days: 2 });
  await insertChecks(exporter.database, 1, 5, "timestamptz '2025-10-01 12:00:00+00'");
  assert.equal((await exporter.export(["--from", "all"])).code, 0);
  const before = await fileStates(exporter.lane);
  addRuns(path, 1, HOOKS + 1);
  const start = performance.now();
  const alone = await finish(exporter.start("export_run.ts", [`hook-${HOOKS + 1}`]));
  const aloneMs = performance.now() - start;
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stdout, /^Exported 6 rows in 1 file /);
  const hooks = Array.from({ length: HOOKS }, (_, n) => finish(exporter.start("export_run.ts", [`hook-${n + 1}`])));
  for (const { code, stderr } of await Promise.all(hooks)) {
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^(Waiting for lane local, which (process \d+|another process) holds\n)?$/);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(`one hook alone ${Math.round(aloneMs)} ms, with ${HOOKS} at once ${seconds.toFixed(1)} s`);
  const files = await readLane(exporter.lane);
  const day = files.filter(({ path }) => path.startsWith("dt=2025-10-01/"));
  assert.deepEqual(day.map(({ path }) => path), [DAY]);
  const keys = day[0].rows.map(keyOf);
  const executions = Array.from({ length: HOOKS + 1 }, (_, n) => `exec-${n + 1}`);
  assert.deepEqual(keys.toSorted(), [...executions, "run-1", "run-2", "run-3", "run-4", "run-5"].toSorted());
  assert.deepEqual(await listDebris(exporter.lane), []);
  const after = await fileStates(exporter.lane);
  for (const path of Object.keys(before).filter((path) => path.startsWith("dt=") && path !== DAY)) {
    assert.equal(after[path], before[path], "the other days are left alone");
  }
  // What the hooks have made is what an export makes of the same sources.
  const out = join(exporter.home, "fresh");
  assert.equal((await exporter.export(["--from", "all", "--out", out])).code, 0);
  const rowsOf = (files: readonly LaneFile[]) =>
    files.map(({ path, rows }) => [path, ...rows.toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1)]);
  assert.deepEqual(rowsOf(await readLane(join(out, "local"))), rowsOf(files));
});

Deno.test("export:run --latest appends the newest run; of a run that is not there it says so", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 4, days: 1 });
  addRuns(path, 1, 3);
  const { code, stderr } = await finish(exporter.start("export_run.ts", ["--latest"]));
  assert.equal(code, 0, stderr);
  const rows = (await readLane(exporter.lane)).flatMap(({ rows }) => rows.map(({ execution_id }) => execution_id));
  assert.deepEqual(rows, ["exec-3"]);
  const missing = await finish(exporter.start("export_run.ts", ["nobody"]));
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /^Cannot export run "nobody": .*heretix\.sqlite has no such run; check RUN_ID and --sqlite\n$/,
  );
});
