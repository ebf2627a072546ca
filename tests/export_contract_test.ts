import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { createExporter, type Exporter, fileStates, finish, insertChecks, listDebris } from "./support/exporter.ts";
import { listLane, type ParquetRow, readLane } from "./support/parquet.ts";

async function rowsOf(lane: string): Promise<ParquetRow[]> {
  return (await readLane(lane)).flatMap(({ rows }) => rows);
}

/** Waits until an export of the lane has made unfinished files. */
async function waitUntilStaging({ lane }: Exporter): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    if ((await listDebris(lane).catch(() => [])).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("The export has written nothing");
}

Deno.test("export --dry-run prints the plan with its reasons and writes nothing, not even a directory", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 5, "timestamptz '2025-09-01 12:00:00+00' + n * interval '1 day'");
  const first = await exporter.export(["--dry-run"]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Plan for lane local: write 5 days, leave 0 days\n {2}2025-09-02 {2}new {7}1 row\n/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(exporter.home)), []);
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  await sql`delete from checks where run_id = 'run-1'`;
  await sql`update checks set claim = 'new' where run_id = 'run-2'`;
  await sql`update checks set created_at = created_at + interval '10 days' where run_id = 'run-3'`;
  const { code, stdout } = await exporter.export(["--dry-run", "--json"]);
  assert.equal(code, 0);
  const { lanes: [{ days, unchangedDays }] } = JSON.parse(stdout);
  assert.deepEqual(days, [
    { day: "2025-09-02", reason: "vanished", rows: 0 },
    { day: "2025-09-03", reason: "changed", rows: 1 },
    { day: "2025-09-04", reason: "vanished", rows: 0 },
    { day: "2025-09-14", reason: "new", rows: 1 },
  ]);
  assert.equal(unchangedDays, 2);
  assert.deepEqual(await fileStates(exporter.lane), before);
});

Deno.test("export of what is there already leaves inode, time and bytes of every file alone", async () => {
  await using exporter = await createExporter();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 4, days: 1 });
  await insertChecks(exporter.database, 1, 5, "timestamptz '2025-09-30 12:00:00+00'");
  assert.equal((await exporter.export(["--from", "all"])).code, 0);
  const before = await fileStates(exporter.lane);
  for (const args of [[], ["--from", "sqlite"], ["--from", "all", "--verify"], ["--from", "all", "--full"]]) {
    await exporter.database.sql`select pg_logical_emit_message(false, 'test', 'the log goes on')`;
    const { code, stdout } = await exporter.export(args);
    assert.equal(code, 0);
    assert.match(stdout, /^Lane local is up to date: 1 day in /, args.join(" "));
    assert.deepEqual(await fileStates(exporter.lane), before, args.join(" "));
  }
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`export interrupted by ${signal} ends promptly with 130 and leaves the lane as it was`, async () => {
    await using exporter = await createExporter();
    await insertChecks(exporter.database, 1, 24);
    assert.equal((await exporter.export()).code, 0);
    const before = await fileStates(exporter.lane);
    await insertChecks(exporter.database, 25, 30_000, "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 minute'");
    const child = exporter.start("export.ts", ["--full"]);
    await waitUntilStaging(exporter);
    const start = performance.now();
    child.kill(signal);
    const { code, stdout, stderr } = await finish(child);
    assert.deepEqual([code, stdout, stderr], [130, "", "Interrupted export; nothing half done is visible\n"]);
    assert.ok(performance.now() - start < 2500, "promptly");
    assert.deepEqual(await fileStates(exporter.lane), before);
  });
}

Deno.test("export waits for another one of its lane, and ends with 5 and the holder's name when that takes too long", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  await Deno.mkdir(exporter.lane, { recursive: true });
  const lock = await Deno.open(join(exporter.lane, ".lock"), { write: true, create: true });
  await lock.lock(true);
  await lock.write(new TextEncoder().encode("process 4711\n"));
  const refused = await exporter.export(["--wait", "0"]);
  assert.equal(refused.code, 5);
  assert.equal(refused.stderr, 'Cannot lock export lane "local": process 4711 holds it; wait for it to end\n');
  const patient = exporter.start("export.ts");
  const other = await exporter.export(["--out", join(exporter.home, "other")]);
  assert.equal(other.code, 0, "another lake is another lane");
  lock.close();
  const { code, stderr } = await finish(patient);
  assert.equal(code, 0);
  assert.equal(stderr, "Waiting for lane local, which process 4711 holds\n");
});

Deno.test("export refuses a source that has lost more than half, unless --allow-shrink says so", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 96);
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  await exporter.database.sql`delete from checks where created_at >= '2025-09-03 00:00:00+00'`;
  const { code, stderr } = await exporter.export();
  assert.equal(code, 3);
  assert.match(
    stderr,
    /^Cannot export to lane "local": the source has 47 rows on 2 days, the lane 96 on 5; .*--allow-shrink\n$/,
  );
  assert.deepEqual(await fileStates(exporter.lane), before);
  const allowed = await exporter.export(["--allow-shrink"]);
  assert.match(allowed.stdout, /removed 3 days, 2 days unchanged/);
  assert.deepEqual(await listLane(exporter.lane), [
    ".lock",
    "_manifest.json",
    "dt=2025-09-01/checks.parquet",
    "dt=2025-09-02/checks.parquet",
  ]);
});

Deno.test("export --since and --until look at their days alone, and the other days keep their state", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 5, "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 day'");
  assert.equal((await exporter.export()).code, 0);
  await sql`update checks set claim = 'new'`;
  await sql`delete from checks where run_id = 'run-2'`;
  const slice = await exporter.export(["--since", "2025-09-03", "--until", "2025-09-04"]);
  assert.equal(slice.code, 0, slice.stderr);
  const claims = async () => (await rowsOf(exporter.lane)).map(({ run_id, claim }) => `${run_id} ${claim}`);
  assert.deepEqual(await claims(), ["run-1 claim 1", "run-3 new", "run-4 claim 4", "run-5 claim 5"]);
  assert.equal((await exporter.export()).code, 0);
  assert.deepEqual(await claims(), ["run-1 new", "run-3 new", "run-4 new", "run-5 new"]);
  for (
    const args of [["--since", "2025-9-3"], ["--since", "2025-02-30"], [
      "--since",
      "2025-09-02",
      "--until",
      "2025-09-01",
    ]]
  ) {
    assert.equal((await exporter.export(args)).code, 2, args.join(" "));
  }
});

Deno.test("export --redact empties columns in every row of the lane, and for good", async () => {
  await using exporter = await createExporter();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 4, days: 1 });
  await insertChecks(exporter.database, 1, 3, "timestamptz '2025-09-29 00:00:00+00' + n * interval '1 day'");
  assert.equal((await exporter.export(["--from", "all"])).code, 0);
  const held = (await rowsOf(exporter.lane)).length;
  const refusals: [string[], number, RegExp][] = [
    [["--redact", "claim,clam"], 2, /^Cannot redact column "clam": /],
    [["--redact", "claim,"], 2, /^Cannot redact column "": /],
    [["--redact", "created_at"], 2, /^Cannot redact column "created_at": /],
    [["--redact", "run_id"], 2, /^Cannot redact column "run_id": /],
    [["--redact", "claim", "--since", "2025-10-01"], 3, /^Cannot export to lane "local": /],
  ];
  const before = await fileStates(exporter.lane);
  for (const [args, expected, message] of refusals) {
    const { code, stderr } = await exporter.export(args);
    assert.equal(code, expected, stderr);
    assert.match(stderr, message);
    assert.deepEqual(await fileStates(exporter.lane), before);
  }
  const redacted = await exporter.export(["--redact", "claim, claim_hash"]);
  assert.equal(redacted.code, 0, redacted.stderr);
  const isRedacted = async () => {
    const rows = await rowsOf(exporter.lane);
    assert.equal(rows.length, held);
    assert.ok(rows.every(({ claim, claim_hash, model }) => claim === null && claim_hash === null && model !== null));
  };
  await isRedacted();
  const { stdout } = await exporter.export(["--from", "all"]);
  assert.match(stdout, /^(Exported|Lane local is up to date)/);
  await isRedacted();
  const turned = await exporter.export(["--redact", "claim_hash,claim"]);
  assert.match(turned.stdout, /^Lane local is up to date/, "the order of names is nothing");
  const none = await exporter.export(["--redact", ""]);
  assert.equal(none.code, 3);
  assert.match(none.stderr, /^Cannot export to lane "local": it was written with claim, claim_hash redacted; /);
  const lifted = await exporter.export(["--redact", "claim"]);
  assert.equal(lifted.code, 3);
  assert.match(lifted.stderr, /^Cannot export to lane "local": it was written with claim_hash redacted; /);
});

Deno.test("export takes an execution once from files that share it, from the one named last", async () => {
  await using exporter = await createExporter();
  const [first, second, link] = ["a.sqlite", "b.sqlite", "link.sqlite"].map((name) => join(exporter.home, name));
  writeHarnessSample(first, { runs: 12, days: 2 });
  await Deno.copyFile(first, second);
  await Deno.symlink(first, link);
  {
    using db = new DatabaseSync(second);
    db.exec("update executions set claim = 'second'; update runs set claim = 'second'");
  }
  const from = (...paths: string[]) => ["--from", "sqlite", ...paths.flatMap((path) => ["--sqlite", path])];
  assert.equal((await exporter.export(from(first, second))).code, 0);
  const both = await rowsOf(exporter.lane);
  assert.equal(both.length, 14);
  assert.ok(both.every(({ claim }) => claim === "second"));
  assert.match((await exporter.export(from(first, second))).stdout, /^Lane local is up to date/);
  const twice = await exporter.export([...from(second, first, link), "--out", join(exporter.home, "other")]);
  assert.equal(twice.code, 0, twice.stderr);
  const other = await rowsOf(join(exporter.home, "other", "local"));
  assert.equal(other.length, 14);
  assert.ok(other.every(({ claim }) => claim !== "second"));
});

Deno.test("export --from all takes no Postgres rows into another lane than its environment's", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  const env = { DATABASE_URL_STAGING: exporter.database.url };
  assert.equal((await exporter.export(["--env", "staging"], env)).code, 0);
  assert.equal((await exporter.export(["--env", "staging", "--from", "all"], env)).code, 2);
  assert.deepEqual(await listLane(join(exporter.home, "lake")), [
    "staging/.lock",
    "staging/_manifest.json",
    "staging/dt=2025-09-01/checks.parquet",
  ]);
});
