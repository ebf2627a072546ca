import assert from "node:assert/strict";
import { join } from "node:path";
import { createExporter, type Exporter, finish, listDebris } from "./support/exporter.ts";
import { listLane, readLane } from "./support/parquet.ts";

/** How many exports are killed; more of them take longer and find more. */
const KILLS = Number(Deno.env.get("CRASH_KILLS") || 12);

/** Days that a version of the table may have. */
const DAYS = 4;

/** Lanes that are exported, and killed, at the same time. */
const LANES = 2;

/** Rows of a day in a version: other days each time, and other numbers of rows. */
function rowsOf(version: number, day: number): number {
  return (version + day) % 3 === 0 ? 0 : 1 + (version * day) % 5;
}

/** Makes the table another one in every day. */
async function load({ database }: Exporter, version: number): Promise<void> {
  const rows = Array.from({ length: DAYS }, (_, index) => ({ day: index + 1, rows: rowsOf(version, index + 1) }));
  await database.sql.begin(async (sql) => {
    await sql`delete from checks`;
    for (const { day, rows: count } of rows) {
      await sql.unsafe(`
        insert into checks (id, run_id, env, claim, model, prompt_version, "K", "R", created_at)
        select gen_random_uuid(), 'run-${day}-' || n, 'local', '${version}', 'gpt-5', 'v1', 8, 2,
          timestamptz '2025-09-0${day} 12:00:00+00' + n * interval '1 second'
        from generate_series(1, ${count}) as n`);
    }
  });
}

/** Looks at every visible file of a lane: each is a day of one version, whole. Gives the version of each day. */
async function readVersions(lane: string): Promise<Map<number, number>> {
  const versions = new Map<number, number>();
  for (const { path, rows } of await readLane(lane)) {
    const day = Number(/^dt=2025-09-0(\d)\/checks\.parquet$/.exec(path)![1]);
    const version = Number(rows[0].claim);
    assert.deepEqual(
      rows.map(({ run_id, claim }) => `${run_id} ${claim}`),
      Array.from({ length: rowsOf(version, day) }, (_, index) => `run-${day}-${index + 1} ${version}`),
    );
    versions.set(day, version);
  }
  return versions;
}

/** Kills an export some time after it starts, or about when it makes its files visible. */
async function killOnce(exporter: Exporter, out: string, longestMs: number): Promise<boolean> {
  const child = exporter.start("export.ts", ["--out", out, "--allow-shrink"]);
  const ended = finish(child);
  let running = true;
  ended.then(() => running = false);
  const deadline = performance.now() + Math.random() * longestMs;
  const atCommit = Math.random() < 0.6;
  const lane = join(out, "local");
  while (running && (atCommit || performance.now() < deadline)) {
    if (atCommit && await Deno.lstat(join(lane, "_commit.json")).then(() => true, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (atCommit) await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
  if (running) child.kill("SIGKILL");
  const { code, stderr } = await ended;
  assert.ok(code === 0 || code === 137, stderr);
  return code === 137;
}

Deno.test(`export killed ${KILLS} times leaves whole files, and the next run converges without debris`, async () => {
  await using exporter = await createExporter();
  const lakes = Array.from({ length: LANES }, (_, index) => join(exporter.home, `lake-${index}`));
  const expected = (version: number) =>
    new Map(
      Array.from({ length: DAYS }, (_, i) => i + 1).filter((day) => rowsOf(version, day) > 0).map((day) => [
        day,
        version,
      ]),
    );
  const converge = async (out: string, version: number) => {
    const { code, stderr } = await finish(exporter.start("export.ts", ["--out", out, "--allow-shrink"]));
    assert.equal(code, 0, stderr);
    // A busy server can be late with its log; a killed run is no damage.
    assert.match(stderr, /^(Reading every day again: .*\n)?$/);
    assert.deepEqual(await readVersions(join(out, "local")), expected(version));
    const visible = [...expected(version).keys()].map((day) => `dt=2025-09-0${day}/checks.parquet`);
    assert.deepEqual(await listLane(join(out, "local")), [".lock", "_manifest.json", ...visible].sort());
    const folders = await Array.fromAsync(Deno.readDir(join(out, "local")), ({ name }) => name);
    assert.equal(folders.filter((name) => name.startsWith("dt=")).length, visible.length, "no empty day is left");
  };
  await load(exporter, 0);
  const start = performance.now();
  await Promise.all(lakes.map((out) => converge(out, 0)));
  const longestMs = 1.1 * (performance.now() - start);
  let [version, kills, midway, unfinished] = [0, 0, 0, 0];
  while (kills < KILLS) {
    await load(exporter, ++version);
    await Promise.all(lakes.map(async (out) => {
      if (await killOnce(exporter, out, longestMs)) kills++;
      const lane = join(out, "local");
      const versions = await readVersions(lane);
      for (const seen of versions.values()) assert.ok(seen <= version);
      if (new Set(versions.values()).size > 1) midway++;
      if ((await listDebris(lane)).length > 0) unfinished++;
      if (Math.random() < 0.25) await converge(out, version);
    }));
  }
  await Promise.all(lakes.map((out) => converge(out, version)));
  console.log(`${kills} killed, ${unfinished} with unfinished files, ${midway} between two versions`);
  assert.ok(unfinished > 0, "some were killed in the middle of their work");
});
