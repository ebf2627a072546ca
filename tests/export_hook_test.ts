import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { VARIABLES } from "../tasks/lib/task/settings.ts";
import { createExporter, type Exporter, fileStates, finish, insertChecks, listDebris } from "./support/exporter.ts";
import { exportHere } from "./support/export_here.ts";
import { createHarnessFile } from "./support/harness.ts";
import { type LaneFile, type ParquetRow, readLane } from "./support/parquet.ts";

/** How many hooks are called at once; each takes about a second of processor time. */
const HOOKS = Number(Deno.env.get("HOOKS") || 16);

const DAY = "dt=2025-10-01/checks.parquet";

/** Adds runs of 2025-10-01 to a harness database, each with one execution, as the harness does: it waits 5 s for a lock. */
function addRuns(path: string, from: number, count: number): void {
  using db = new DatabaseSync(path, { timeout: 5000 });
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

/** Calls the hook for whatever the lane lacks, and expects it to end well. */
async function hookLatest(exporter: Exporter, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await finish(exporter.start("export_run.ts", ["--latest", ...args]));
  assert.equal(code, 0, stderr);
  return { stdout, stderr };
}

async function executions(exporter: Exporter): Promise<string[]> {
  const files = await readLane(exporter.lane);
  return files.flatMap(({ rows }) => rows.map(keyOf)).sort();
}

Deno.test("export:run --latest appends everything that the lane lacks, and nothing twice", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 4, days: 2 });
  addRuns(path, 1, 2);
  await hookLatest(exporter);
  const all = await executions(exporter);
  assert.deepEqual(all.filter((key) => /^exec-\d$/.test(key)), ["exec-1", "exec-2"]);
  assert.match((await hookLatest(exporter)).stdout, /^Lane local is up to date/);
  addRuns(path, 3, 2);
  const before = await fileStates(exporter.lane);
  assert.match((await hookLatest(exporter)).stdout, /^Exported 4 rows in 1 file /);
  assert.deepEqual(await executions(exporter), [...all, "exec-3", "exec-4"].sort());
  const after = await fileStates(exporter.lane);
  const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
  assert.deepEqual(changed.sort(), ["_manifest.json", DAY]);
  // A full export finds nothing new, and leaves nothing to the hook.
  assert.equal((await exporter.export(["--from", "sqlite"])).code, 0);
  assert.match((await hookLatest(exporter)).stdout, /^Lane local is up to date/);
  assert.deepEqual(await executions(exporter), [...all, "exec-3", "exec-4"].sort());
});

Deno.test("export:run of one run leaves its day's other runs to --latest", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 0 });
  addRuns(path, 1, 3);
  for (const run of ["hook-2", "hook-1"]) await exportHere(exporter, { from: "sqlite", run });
  assert.deepEqual(await executions(exporter), ["exec-1", "exec-2"]);
  await exportHere(exporter, { from: "sqlite", missingOnly: true });
  assert.deepEqual(await executions(exporter), ["exec-1", "exec-2", "exec-3"]);
});

Deno.test("export:run --latest leaves to an export what has changed of the executions that the lane has", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 0 });
  addRuns(path, 1, 1);
  await exportHere(exporter, { from: "sqlite" });
  {
    using db = new DatabaseSync(path);
    db.exec("update executions set claim = 'new'; update runs set claim = 'new'");
  }
  addRuns(path, 2, 1);
  await exportHere(exporter, { from: "sqlite", missingOnly: true });
  assert.deepEqual(await executions(exporter), ["exec-1", "exec-2"]);
  await exportHere(exporter, { from: "sqlite" });
  const rows = (await readLane(exporter.lane)).flatMap(({ rows }) => rows);
  assert.deepEqual(rows.map(({ claim }) => claim), ["new", "claim 2"]);
});

Deno.test("export:run --latest puts an execution in the place of the run that stood for it", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 0 });
  using db = new DatabaseSync(path);
  db.exec("insert into runs (run_id, created_at) values ('bare', 1759276800), ('other', 1759276801)");
  await hookLatest(exporter);
  assert.deepEqual(await executions(exporter), ["bare", "other"]);
  db.exec("insert into executions (execution_id, run_id, created_at) values ('exec', 'bare', 1759276800)");
  await hookLatest(exporter);
  assert.deepEqual(await executions(exporter), ["exec", "other"]);
});

Deno.test(`${HOOKS} hooks with --latest at once, each after a run of its own, lose no run`, async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 4, days: 1 });
  const before = new Set(await hookLatest(exporter).then(() => executions(exporter)));
  const hooks = Array.from({ length: HOOKS }, (_, n) => {
    addRuns(path, n + 1, 1);
    return hookLatest(exporter);
  });
  // All of them end before the lane is removed, whatever the first one says.
  for (const hook of await Promise.allSettled(hooks)) assert.equal(hook.status, "fulfilled", "every hook ends well");
  const added = (await executions(exporter)).filter((key) => !before.has(key));
  assert.deepEqual(added, Array.from({ length: HOOKS }, (_, n) => `exec-${n + 1}`).sort());
  assert.deepEqual(await listDebris(exporter.lane), []);
});

Deno.test("export:run names what cannot be exported, and appends the rest", async () => {
  await using exporter = await createExporter();
  const path = join(exporter.home, "heretix.sqlite");
  addRunsTo(path);
  const undated = /^Warning: Left out run "undated": has in column "created_at" text that is not epoch seconds/m;
  const first = await hookLatest(exporter);
  assert.match(first.stderr, undated);
  assert.match(first.stderr, /^Warning: Left out run "broken": has in column "K" text, not an integer$/m);
  assert.deepEqual(await executions(exporter), ["fine"]);
  const { stderr } = await hookLatest(exporter);
  assert.match(stderr, undated);
  assert.doesNotMatch(stderr, /"broken"/, "what was named is not named again while its day is as it was");
  const alone = await finish(exporter.start("export_run.ts", ["undated"]));
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stderr, undated);
  const { code } = await exporter.export(["--from", "sqlite"]);
  assert.equal(code, 1, "an export still stops");
});

/** A file with a row that is fine, one without a day, and one with a value that its column cannot hold. */
function addRunsTo(path: string): void {
  using file = createHarnessFile(path);
  file.insert("runs", { run_id: "fine", created_at: 1_759_276_800 });
  file.insert("runs", { run_id: "undated", created_at: "yesterday" });
  file.insert("runs", { run_id: "broken", created_at: 1_759_276_801, K: "many" });
}

Deno.test("export:run of a run that is not there says so, with the file's absolute path", async () => {
  await using exporter = await createExporter();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 4, days: 1 });
  const missing = await finish(
    exporter.start("export_run.ts", ["nobody", "--sqlite", "heretix.sqlite"], { INIT_CWD: exporter.home }),
  );
  assert.equal(missing.code, 1);
  assert.equal(
    missing.stderr,
    `Cannot export run "nobody": ${exporter.home}/heretix.sqlite has no such run; check RUN_ID and --sqlite\n`,
  );
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(exporter.lane, ".."))), [], "no empty lane is left");
});

Deno.test("the documented line after a research run runs as written from the harness's directory, and never fails the run", async () => {
  const home = await Deno.makeTempDir({ prefix: "heretix-hook-" });
  try {
    const page = await Deno.readTextFile(new URL("../docs/lake.md", import.meta.url));
    const line = /^heretix run .*$/m.exec(page)![0];
    await Deno.mkdir(join(home, "bin"));
    await Deno.writeTextFile(join(home, "bin/heretix"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    await Deno.symlink(Deno.execPath(), join(home, "bin/deno"));
    const run = async () => {
      const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
        args: ["-c", line.replace("PATH", fileURLToPath(new URL("..", import.meta.url)).slice(0, -1))],
        cwd: home,
        // Whoever runs the tests may stand elsewhere, and INIT_CWD says so.
        clearEnv: true,
        env: {
          ...Object.fromEntries(
            ["HOME", "DENO_DIR"].flatMap((name) => Deno.env.has(name) ? [[name, Deno.env.get(name)!]] : []),
          ),
          ...Object.fromEntries(VARIABLES.map((name) => [name, ""])),
          EXPORT_DIR: join(home, "lake"),
          PATH: `${join(home, "bin")}:${Deno.env.get("PATH")}`,
        },
      }).output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    };
    const failed = await run();
    assert.equal(failed.code, 0, failed.stderr);
    assert.match(failed.stderr, /Cannot read SQLite file "\S*\/runs\/heretix\.sqlite": it does not exist; /);
    assert.match(failed.stderr, /export failed; the next one catches up\n$/);
    await Deno.mkdir(join(home, "runs"));
    writeHarnessSample(join(home, "runs/heretix.sqlite"), { runs: 4, days: 1 });
    const { code, stdout, stderr } = await run();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Exported 5 rows in 1 file \(\d+ kB\) to \/\S*\/lake\/local, 0 days unchanged\n$/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
