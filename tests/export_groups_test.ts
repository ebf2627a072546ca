import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { footerOf, metadataOf } from "../tasks/lib/parquet/footer.ts";
import { MAX_GROUP_ROWS } from "../tasks/lib/sources/segments.ts";
import { MAX_GROUP_BYTES } from "../tasks/lib/threads/groups.ts";
import { createExporter, type Exporter, finish, insertChecks } from "./support/exporter.ts";
import { createHarnessFile, type HarnessFile } from "./support/harness.ts";
import { listLane, readLane } from "./support/parquet.ts";

const DAY = "dt=2025-09-01";
const FILE = `${DAY}/checks.parquet`;

/** First second of the day. */
const START = 1_756_684_800;

/** Exports, and expects it to end well. */
async function exportAll(exporter: Exporter, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await exporter.export(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The one file of the lane: rows of each row group, and its runs in order. */
async function readDay(exporter: Exporter): Promise<{ groups: readonly number[]; runs: string[] }> {
  const [{ path, rowGroups, rows }, ...others] = await readLane(exporter.lane);
  assert.deepEqual([path, others.length], [FILE, 0]);
  return { groups: rowGroups, runs: rows.map(({ run_id }) => `${run_id}`) };
}

/** SHA-256 of the bytes of each row group of the day's file. */
async function groupHashes(exporter: Exporter): Promise<string[]> {
  const file = await Deno.readFile(join(exporter.lane, FILE));
  return footerOf(file).groups.map(({ start, end }) =>
    createHash("sha256").update(file.subarray(start, end)).digest("hex")
  );
}

/** Adds executions `from` to `to` of a run each, a millisecond of the day apart... in whole seconds. */
function addExecutions({ db }: HarnessFile, from: number, to: number): void {
  db.exec(`
    insert into executions (execution_id, run_id, created_at, claim, seed)
    with recursive n(n) as (select ${from} union all select n + 1 from n where n < ${to})
    select printf('exec-%06d', n), printf('research-%06d', n), ${START} + n, 'claim ' || n, '18446744073709551615' from n`);
}

const runIds = (count: number) => Array.from({ length: count }, (_, i) => `run-${i + 1}`);

Deno.test("export cuts a day of many rows into row groups of one size, in order, in one file", async () => {
  await using exporter = await createExporter();
  const count = Math.ceil(1.2 * MAX_GROUP_ROWS);
  await insertChecks(
    exporter.database,
    1,
    count,
    "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 microsecond'",
  );
  await exportAll(exporter);
  const { groups, runs } = await readDay(exporter);
  assert.equal(groups.length, 2);
  for (const rows of groups) assert.ok(Math.abs(rows - count / 2) < 0.1 * count, `${rows}`);
  assert.deepEqual(runs, runIds(count));
  assert.deepEqual(await listLane(exporter.lane), [".lock", "_manifest.json", FILE]);
  await exporter.database.sql`delete from checks where prob_true_rpl > 0.001`;
  await exportAll(exporter, "--allow-shrink");
  assert.deepEqual((await readDay(exporter)).groups, [1000]);
});

Deno.test("export cuts a day of few but long rows, too", async () => {
  await using exporter = await createExporter();
  const count = Math.ceil(1.5 * MAX_GROUP_BYTES / 1e6);
  await insertChecks(exporter.database, 1, count);
  await exporter.database.sql`
    update checks set claim = repeat('x', 1000000), created_at = timestamptz '2025-09-01 00:00:00+00' + (created_at - timestamptz '2025-09-01 00:00:00+00') / 1000`;
  await exportAll(exporter);
  const { groups, runs } = await readDay(exporter);
  assert.equal(groups.length, 2);
  assert.deepEqual(new Set(runs), new Set(runIds(count)));
  assert.equal(runs.length, count);
});

Deno.test("export says in every file which dataset, format and redactions it has", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  const markOf = async () => Object.fromEntries(metadataOf(footerOf(await Deno.readFile(join(exporter.lane, FILE)))));
  await exportAll(exporter);
  const mark = { "heretix.dataset": "checks", "heretix.format": "2", "heretix.redacted": "[]" };
  assert.deepEqual(await markOf(), mark);
  await exportAll(exporter, "--redact", "user_id,claim");
  assert.deepEqual(await markOf(), { ...mark, "heretix.redacted": '["claim","user_id"]' });
});

Deno.test("a row group holds rows of one source, and a rewrite of one source leaves the other's bytes alone", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 20, "timestamptz '2025-09-01 12:00:00+00'");
  using file = createHarnessFile(join(exporter.home, "heretix.sqlite"));
  addExecutions(file, 1, 5);
  await exportAll(exporter, "--from", "all");
  assert.deepEqual((await readDay(exporter)).groups, [20, 5]);
  const [postgres, sqlite] = await groupHashes(exporter);
  await exporter.database.sql`update checks set claim = 'other' where run_id = 'run-1'`;
  for (const from of ["postgres", "all"]) {
    await exporter.database.sql`update checks set claim = ${from} where run_id = 'run-2'`;
    await exportAll(exporter, "--from", from);
    const [other, same] = await groupHashes(exporter);
    assert.notEqual(other, postgres);
    assert.equal(same, sqlite);
  }
  const [before] = await groupHashes(exporter);
  addExecutions(file, 6, 6);
  await exportAll(exporter, "--from", "all");
  assert.deepEqual((await readDay(exporter)).groups, [20, 6]);
  assert.equal((await groupHashes(exporter))[0], before);
  await exporter.database.sql`delete from checks`;
  await exportAll(exporter, "--allow-shrink");
  assert.deepEqual((await readDay(exporter)).groups, [6]);
});

Deno.test("the hook encodes only the last row group anew, and those whose rows it replaces", async () => {
  await using exporter = await createExporter();
  using file = createHarnessFile(join(exporter.home, "heretix.sqlite"));
  const count = 2 * MAX_GROUP_ROWS;
  addExecutions(file, 1, count);
  await exportAll(exporter, "--from", "sqlite");
  const first = await groupHashes(exporter);
  const { groups } = await readDay(exporter);
  assert.equal(groups.length, 3);
  const hook = async (run: string) => {
    const { code, stderr } = await finish(exporter.start("export_run.ts", [run]));
    assert.equal(code, 0, stderr);
    return await groupHashes(exporter);
  };
  addExecutions(file, count + 1, count + 1);
  const second = await hook(`research-${`${count + 1}`.padStart(6, "0")}`);
  assert.deepEqual([second.slice(0, 2), second.length], [first.slice(0, 2), 3], "the new row is in the last one");
  assert.equal((await readDay(exporter)).runs.length, count + 1);
  file.db.exec("update executions set claim = 'new' where execution_id = 'exec-000005'");
  const third = await hook("research-000005");
  assert.notEqual(third[0], second[0]);
  assert.deepEqual([third[1], third.length], [second[1], 3]);
  const { runs } = await readDay(exporter);
  assert.deepEqual([runs.length, new Set(runs).size], [count + 1, count + 1]);
  const [{ rows }] = await readLane(exporter.lane);
  assert.deepEqual(rows.filter(({ claim }) => claim === "new").map(({ run_id }) => run_id), ["research-000005"]);
});
