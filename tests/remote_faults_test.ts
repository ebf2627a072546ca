import assert from "node:assert/strict";
import { join } from "node:path";
import { exportHere } from "./support/export_here.ts";
import { fileStates, insertChecks } from "./support/exporter.ts";
import { listLane, readLane } from "./support/parquet.ts";
import { createRemote, type RemoteExporter, type RemoteExportOptions } from "./support/remote_exporter.ts";
import type { S3Request } from "./support/s3_server.ts";

const runs = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `run-${from + index}`).sort();

const delta = (generation: number) => `_delta_log/${`${generation - 1}`.padStart(20, "0")}.json`;

/** Exports, and expects how it ends. */
async function exports(remote: RemoteExporter, code = 0, options: RemoteExportOptions = {}): Promise<string> {
  const result = await remote.export(options);
  assert.equal(result.code, code, result.stdout + result.stderr);
  return result.stdout + result.stderr;
}

const isPut = ({ method, key }: S3Request, end: string) => method === "PUT" && key.endsWith(end);

/** Expects that both kinds of readers see these rows. */
async function expectRows(remote: RemoteExporter, wanted: readonly string[]): Promise<void> {
  assert.deepEqual(await remote.runIds("manifest"), wanted);
  assert.deepEqual(await remote.runIds("delta"), wanted);
}

/** The manifest of a lane on the disk, that of checks unless told otherwise, changed where `change` says so. */
async function manifestOf(
  { exporter }: RemoteExporter,
  change?: Readonly<Record<string, unknown>>,
  lane = exporter.lane,
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  const path = join(lane, "_manifest.json");
  const manifest = JSON.parse(await Deno.readTextFile(path));
  if (change) await Deno.writeTextFile(path, JSON.stringify({ ...manifest, ...change }));
  return manifest;
}

Deno.test("an older snapshot in the place of the newest one is refused: the log would contradict it", async () => {
  await using remote = await createRemote();
  const { exporter: { database }, server } = remote;
  for (const n of [1, 11, 21]) {
    await insertChecks(database, n, n + 9);
    await exports(remote);
  }
  const [newest, older] = [remote.object("_manifests/3.json")!, remote.object("_manifests/2.json")!];
  server.objects.set("prefix/local/checks/_manifest.json", older);
  server.log.length = 0;
  for (const gone of ["_manifests/3.json", delta(3)]) {
    const object = remote.object(gone)!;
    server.objects.delete(`prefix/local/checks/${gone}`);
    assert.match(
      await exports(remote, 3),
      /its _manifest\.json is snapshot 2, and there is \S+ of a later one; put the/,
    );
    server.objects.set(`prefix/local/checks/${gone}`, object);
  }
  assert.deepEqual(remote.puts(), []);
  server.objects.set("prefix/local/checks/_manifest.json", newest);
  assert.match(await exports(remote), /is up to date/);
  await expectRows(remote, runs(1, 30));
});

Deno.test("a commit between an export's look at the snapshot and its listing is a conflict", async () => {
  await using remote = await createRemote();
  const { exporter: { database }, server } = remote;
  await insertChecks(database, 1, 10);
  await exports(remote);
  const one = remote.object("_manifest.json")!;
  await insertChecks(database, 11, 20);
  await exports(remote);
  const two = remote.object("_manifest.json")!;
  server.objects.set("prefix/local/checks/_manifest.json", one);
  remote.fault = ({ query }) => {
    if ("list-type" in query) server.objects.set("prefix/local/checks/_manifest.json", two);
    return undefined;
  };
  assert.match(await exports(remote, 5), /another export has committed snapshot 2 meanwhile/);
  await expectRows(remote, runs(1, 20));
});

Deno.test("lost entries of the log and lost copies are written again from what is there", async () => {
  await using remote = await createRemote();
  const { exporter: { database }, server } = remote;
  for (const n of [1, 2, 3]) {
    await insertChecks(database, n, n);
    await exports(remote);
  }
  for (const gone of [delta(1), delta(2), delta(3), "_manifests/3.json"]) {
    const [{ bytes }, copy] = [remote.object(gone)!, remote.object("_manifests/2.json")];
    server.objects.delete(`prefix/local/checks/${gone}`);
    assert.match(await exports(remote), /is up to date/);
    assert.deepEqual(remote.object(gone)?.bytes, bytes, gone);
    assert.equal(remote.object("_manifests/2.json"), copy, "what is there is left alone");
  }
  server.objects.delete("prefix/local/checks/_manifests/2.json");
  assert.match(await exports(remote), /is up to date/);
  server.objects.delete(`prefix/local/checks/${delta(3)}`);
  assert.match(await exports(remote, 1), /_manifests\/2\.json": it is missing; restore it/);
});

Deno.test("an answer that is lost and sent again by the network is no conflict, for objects and for the commit", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  const lost = new Set<string>();
  remote.fault = ({ method, key }) => {
    if (method !== "PUT" || lost.has(key)) return undefined;
    lost.add(key);
    return "store-then-cut";
  };
  await exports(remote);
  assert.ok(lost.size > 4);
  await expectRows(remote, runs(1, 30));
});

Deno.test("a commit whose answer never comes is known by what stands there, and a failing one changes nothing", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 10);
  let tries = 0;
  remote.fault = (request) => isPut(request, "_manifest.json") && tries++ >= 0 ? { status: 500 } : undefined;
  await exports(remote, 1);
  assert.equal(remote.object("_manifest.json"), undefined);
  tries = 0;
  remote.fault = (request) => {
    if (!isPut(request, "_manifest.json")) return undefined;
    return tries++ === 0 ? "store-then-cut" : { status: 500 };
  };
  await exports(remote);
  await expectRows(remote, runs(1, 10));
});

Deno.test("an object that is not there after it was sent stops the commit", async () => {
  await using remote = await createRemote();
  const { exporter: { database }, server } = remote;
  await insertChecks(database, 1, 10);
  remote.fault = ({ method, key }) => {
    if (method === "HEAD") server.objects.delete(key);
    return undefined;
  };
  assert.match(await exports(remote, 1), /Cannot put object "s3:\S+\.parquet": it was sent, and is not there/);
  assert.equal(remote.object("_manifest.json"), undefined);
});

Deno.test("an export that is interrupted before its commit leaves what was visible", async () => {
  await using remote = await createRemote();
  const { exporter: { database } } = remote;
  await insertChecks(database, 1, 10);
  await exports(remote);
  await insertChecks(database, 11, 40);
  const interrupt = new AbortController();
  remote.fault = (request) => {
    if (isPut(request, ".parquet")) interrupt.abort();
    return undefined;
  };
  await assert.rejects(remote.export({ signal: interrupt.signal }), { name: "AbortError" });
  remote.fault = undefined;
  await expectRows(remote, runs(1, 10));
  await exports(remote);
  await expectRows(remote, runs(1, 40));
});

Deno.test("keys that may read alone are enough for a plan, and for an export that finds nothing to do", async () => {
  await using remote = await createRemote();
  const { exporter: { database } } = remote;
  await insertChecks(database, 1, 10);
  await exports(remote);
  remote.fault = ({ method }) => ["GET", "HEAD"].includes(method) ? undefined : { status: 403 };
  assert.match(await exports(remote), /is up to date/);
  await insertChecks(database, 11, 40);
  assert.match(await exports(remote, 0, { dryRun: true }), /write 2 days/);
  await exports(remote, 1);
  await expectRows(remote, runs(1, 10));
});

Deno.test("a plan writes nothing, even where a killed export has not finished", async () => {
  await using remote = await createRemote();
  const { exporter: { database }, server } = remote;
  await insertChecks(database, 1, 10);
  await exports(remote);
  server.objects.delete(`prefix/local/checks/${delta(1)}`);
  server.log.length = 0;
  await exports(remote, 0, { dryRun: true });
  assert.deepEqual(remote.puts(), []);
});

Deno.test("a dataset without rows is a table without rows", async () => {
  await using remote = await createRemote();
  await exports(remote);
  await expectRows(remote, []);
  assert.match(new TextDecoder().decode(remote.object(delta(1))?.bytes), /"metaData"/);
  assert.match(await exports(remote), /is up to date: 0 days/);
  const [{ generation, files }] = await remote.pull();
  assert.deepEqual([generation, files], [1, 0]);
  await insertChecks(remote.exporter.database, 1, 3);
  await exports(remote);
  await expectRows(remote, runs(1, 3));
});

Deno.test("--since and --until leave the other days of the snapshot as they are", async () => {
  await using remote = await createRemote();
  const { exporter: { database } } = remote;
  await insertChecks(database, 1, 60);
  await exports(remote);
  await database.sql`delete from checks where run_id in ('run-1', 'run-30', 'run-60')`;
  await exports(remote, 0, { range: { since: "2025-09-02", until: "2025-09-02" } });
  await expectRows(remote, runs(1, 60).filter((run) => run !== "run-30"));
  await exports(remote);
  await expectRows(remote, runs(1, 60).filter((run) => !["run-1", "run-30", "run-60"].includes(run)));
});

Deno.test("a redaction that is added later holds in every object of the snapshot, and is never lifted", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  await exports(remote);
  assert.match(await exports(remote, 3, { redacted: ["claim"], range: { since: "2025-09-02" } }), /other days/);
  await exports(remote, 0, { redacted: ["claim"] });
  await remote.pull();
  const claims = (await readLane(remote.exporter.lane)).flatMap(({ rows }) => rows.map(({ claim }) => claim));
  assert.deepEqual(new Set(claims), new Set([null]));
  assert.match(await exports(remote, 3, { redacted: [] }), /it was written with claim redacted/);
  assert.match(await exports(remote), /is up to date: 2 days/);
  await exports(remote, 0, { datasets: ["checks", "requests"] });
  const { lane } = JSON.parse(
    new TextDecoder().decode(remote.server.objects.get("prefix/local/requests/_manifest.json")!.bytes),
  );
  assert.deepEqual(lane.redacted, ["claim"]);
  await expectRows(remote, runs(1, 30));
});

Deno.test("a bucket without a prefix is a lake", async () => {
  await using remote = await createRemote("");
  const { exporter: { database }, server } = remote;
  await insertChecks(database, 1, 3);
  await exports(remote);
  assert.ok(server.objects.has("local/checks/_manifest.json"));
  const [{ url, files }] = await remote.pull();
  assert.deepEqual([url, files], ["s3://lake/local/checks", 1]);
  assert.match(await exports(remote), /is up to date: 1 day in s3:\/\/lake\/local\/checks\n/);
});

for (const prefix of ["local", "a b/ü=%2F+'", "local/checks"]) {
  Deno.test(`a lake at prefix ${prefix} and one above it do not know of each other`, async () => {
    await using remote = await createRemote(prefix);
    const { exporter: { database }, server } = remote;
    await insertChecks(database, 1, 30);
    await exports(remote);
    const above = Object.fromEntries(
      [...server.objects].map(([key, object]) => [key.slice(prefix.length + 1), object]),
    );
    for (const [key, object] of Object.entries(above)) server.objects.set(key, object);
    assert.match(await exports(remote), /is up to date: 2 days/);
    await database.sql`delete from checks where created_at >= '2025-09-02'`;
    await exports(remote);
    const { code, stdout, stderr } = await remote.run("lake:prune", ["--keep-days", "0", "--json"]);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).lanes[0].objects, 1);
    for (const key of Object.keys(above)) assert.ok(server.objects.has(key), key);
  });
}

Deno.test("a pull of some days does not let earlier ones show what the snapshot has redacted", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  await exports(remote);
  await remote.pull();
  await exports(remote, 0, { redacted: ["claim"] });
  await assert.rejects(
    remote.pull({ since: "2025-09-02" }),
    /Cannot pull into lane "local": claim would stay in its days before 2025-09-02; leave out --since/,
  );
  await remote.pull({ since: "2025-09-01" });
});

Deno.test("a pull removes files that no snapshot has, and of the days that it brings alone", async () => {
  await using remote = await createRemote();
  const { lane } = remote.exporter;
  await insertChecks(remote.exporter.database, 1, 30);
  await exports(remote);
  await remote.pull();
  for (const day of ["2024-01-01", "2025-10-01"]) {
    await Deno.mkdir(join(lane, `dt=${day}`));
    await Deno.copyFile(join(lane, "dt=2025-09-01/checks.parquet"), join(lane, `dt=${day}/checks.parquet`));
  }
  const paths = async () => (await listLane(lane)).flatMap((path) => /^dt=(.*)\.parquet$/.exec(path)?.[1] ?? []).sort();
  await remote.pull({ since: "2025-09-02" });
  assert.deepEqual(await paths(), ["2024-01-01/checks", "2025-09-01/checks", "2025-09-02/checks"]);
  for (const name of ["checks-2.parquet", "checks-3.parquet"]) {
    await Deno.copyFile(join(lane, "dt=2025-09-01/checks.parquet"), join(lane, "dt=2025-09-01", name));
  }
  const { days } = await manifestOf(remote);
  const [file] = days["2025-09-01"].files;
  const files = [file, { ...file, file: "checks-2.parquet" }];
  await manifestOf(remote, { days: { ...days, "2025-09-01": { ...days["2025-09-01"], files } } });
  await remote.pull();
  assert.deepEqual(await paths(), ["2025-09-01/checks", "2025-09-02/checks"]);
});

Deno.test("a failing pull leaves no unfinished file, whatever else was under way", async () => {
  await using remote = await createRemote();
  const { lane } = remote.exporter;
  await insertChecks(remote.exporter.database, 1, 90);
  await exports(remote);
  remote.fault = ({ method, key }) => {
    if (method !== "GET" || !key.includes("dt=")) return undefined;
    return key.includes("dt=2025-09-01")
      ? { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" }
      : { delayMs: 200 };
  };
  await assert.rejects(remote.pull(), /is missing; run the export of its lane with --verify/);
  assert.deepEqual(await listLane(lane), []);
});

Deno.test("a pull brings what is not as it was, and touches nothing where all is", async () => {
  await using remote = await createRemote();
  const { exporter: { database, lane }, server } = remote;
  await insertChecks(database, 1, 30);
  await exports(remote);
  assert.equal((await remote.pull()).length, 1, "lanes that nobody has exported to do not come");
  const before = await fileStates(lane);
  await remote.pull();
  assert.deepEqual(await fileStates(lane), before);
  await Deno.remove(join(lane, "dt=2025-09-01/checks.parquet"));
  assert.equal((await remote.pull())[0].files, 1);
  const key = "prefix/local/checks/_manifest.json";
  const object = server.objects.get(key)!;
  const { lane: snapshot, ...rest } = JSON.parse(new TextDecoder().decode(object.bytes));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...rest, lane: { ...snapshot, state: null } }));
  server.objects.set(key, { ...object, bytes });
  assert.notEqual((await manifestOf(remote)).state, null);
  await remote.pull();
  assert.equal((await manifestOf(remote)).state, null, "a manifest alone comes, too");
});

Deno.test("a pull of some days keeps the state that fingerprints rely on only where no other day is left", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  await exports(remote);
  await remote.pull({ since: "2025-09-01" });
  const { state } = await manifestOf(remote);
  assert.notEqual(state, null);
  await remote.pull({ since: "2025-09-01" });
  assert.deepEqual((await manifestOf(remote)).state, state);
  await remote.pull({ since: "2025-09-02" });
  assert.equal((await manifestOf(remote)).state, null);
});

Deno.test("a pull refuses to lose rows of SQLite, and to show what another lane of the disk has redacted", async () => {
  await using remote = await createRemote();
  const { exporter } = remote;
  await insertChecks(exporter.database, 1, 30);
  await exports(remote);
  await remote.pull();
  const { days } = await manifestOf(remote);
  const [[day, entry]] = Object.entries<Record<string, unknown>>(days);
  await manifestOf(remote, { days: { ...days, [day]: { ...entry, rows: { postgres: 1, sqlite: 1 } } } });
  await assert.rejects(
    remote.pull(),
    /lane "local": it holds rows of SQLite, which would go; choose another directory/,
  );
  await manifestOf(remote, { days });
  await exportHere(exporter, { datasets: ["requests"], from: "postgres", redacted: ["claim"] });
  await assert.rejects(remote.pull(), /lane "local": claim would no longer be redacted; choose another directory/);
  await manifestOf(remote, { redacted: ["run_id"] }, `${exporter.lane}.requests`);
  assert.equal((await remote.pull())[0].unchangedDays, 2, "what tells rows apart is another thing in each dataset");
});

Deno.test("of two pulls at once one waits, and tells who holds the lane", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 3);
  await exports(remote);
  remote.fault = ({ key }) => key.includes("dt=") ? { delayMs: 1000 } : undefined;
  const ends = await Promise.allSettled([remote.pull(), remote.pull()]);
  const [{ reason }] = ends.filter((end) => end.status === "rejected");
  assert.equal(reason.exitCode, 5, reason.message);
  assert.match(reason.message, /lane "local"/);
  assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 1);
  const pulls = await Promise.all([1, 2].map(() => remote.pull({ waitMs: 20_000 })));
  assert.deepEqual(pulls.map(([{ unchangedDays }]) => unchangedDays), [1, 1]);
});

Deno.test("lake:pull takes a day for --since", async () => {
  await using remote = await createRemote();
  const { code, stderr } = await remote.run("lake:pull", ["--since", "yesterday"]);
  assert.equal(code, 2);
  assert.match(stderr, /--since takes a day as YYYY-MM-DD, not "yesterday"/);
});
