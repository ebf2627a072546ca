import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandResult } from "./support/command.ts";
import { fileHashes, finish, insertChecks } from "./support/exporter.ts";
import { createHarnessFile } from "./support/harness.ts";
import { listLane, readLane } from "./support/parquet.ts";
import { storeSettings } from "./support/remote.ts";
import { createRemote } from "./support/remote_exporter.ts";
import type { S3Request } from "./support/s3_server.ts";

const runs = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `run-${from + index}`).sort();

function expectCode({ code, stdout, stderr }: CommandResult, expected: number): void {
  assert.equal(code, expected, stdout + stderr);
}

Deno.test("export --to writes a lake that a Delta reader reads, from an empty disk and only what has changed", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 60);
  const first = await remote.run("export", ["checks", "--json"]);
  expectCode(first, 0);
  const [lane] = JSON.parse(first.stdout).lanes;
  assert.deepEqual(
    [lane.lane, lane.url, lane.generation, lane.objects, lane.rows],
    ["local/checks", "s3://lake/prefix/local/checks", 1, 3, 60],
  );
  assert.equal(lane.bytesPut, lane.sizeBytes);
  assert.equal(typeof lane.seconds, "number");
  assert.equal("directory" in lane, false);
  assert.deepEqual(await remote.runIds(), runs(1, 60));
  assert.deepEqual(await listLane(exporter.lane), [], "the disk has no lane");
  const places = remote.puts().map((key) => key.slice("prefix/local/checks/".length).replace(/[=/\d].*/, ""));
  assert.deepEqual([...new Set(places)], ["_conditions", "dt", "_manifest.json", "_manifests", "_delta_log"]);

  const kept = [...server.objects.keys()].filter((key) => key.includes("/dt="));
  await exporter.database.sql`update checks set claim = 'other' where run_id = 'run-60'`;
  server.log.length = 0;
  expectCode(await remote.export(), 0);
  const [changed, ...others] = remote.puts().filter((key) => key.includes("/dt="));
  assert.match(changed, /^prefix\/local\/checks\/dt=2025-09-03\/checks-g2-[0-9a-f]{16}\.parquet$/);
  assert.deepEqual(others, []);
  assert.deepEqual(
    server.log.filter(({ method, key }) => method === "GET" && key.includes("/dt=")),
    [],
    "nothing comes",
  );
  assert.deepEqual(server.log.filter(({ method }) => method === "DELETE"), [], "nothing is deleted");
  for (const key of kept) assert.ok(server.objects.has(key), key);
});

Deno.test("export --to with nothing changed writes nothing", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  expectCode(await remote.export(), 0);
  remote.server.log.length = 0;
  const { code, stdout } = await remote.export();
  assert.equal(code, 0);
  assert.match(stdout, /^Lane local\/checks is up to date: 2 days in s3:\/\/lake\/prefix\/local\/checks\n$/);
  const [{ generation, objects, bytesPut }] = JSON.parse((await remote.export({ json: true })).stdout).lanes;
  assert.deepEqual([generation, objects, bytesPut], [1, 0, 0]);
  assert.deepEqual(remote.puts(), []);
});

Deno.test("export --to takes every dataset, each with a snapshot and a Delta log of its own", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  const { code, stdout } = await remote.export({ datasets: ["checks", "requests", "usage_ledger"] });
  assert.equal(code, 0);
  assert.equal(stdout.trimEnd().split("\n").length, 3);
  for (const dataset of ["checks", "requests", "usage_ledger"]) {
    assert.ok(remote.server.objects.has(`prefix/local/${dataset}/_manifest.json`), dataset);
    assert.ok(remote.server.objects.has(`prefix/local/${dataset}/_delta_log/${"0".repeat(20)}.json`), dataset);
  }
});

Deno.test("who may read alone can plan, and export where nothing has changed", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 30);
  expectCode(await remote.export(), 0);
  const isWrite = ({ method }: S3Request) => method !== "GET" && method !== "HEAD";
  remote.fault = (request) =>
    isWrite(request) ? { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" } : undefined;
  assert.match((await remote.export()).stdout, /is up to date/);
  const behind = `prefix/local/checks/_delta_log/${"0".repeat(20)}.json`;
  server.objects.delete(behind);
  await insertChecks(exporter.database, 31, 40);
  assert.match((await remote.export({ dryRun: true })).stdout, /write 1 day, leave 1 day/);
  for (const task of ["lake:list", "lake:pull"]) expectCode(await remote.run(task), 0);
  expectCode(await remote.export(), 1);
});

Deno.test("an export leaves nothing in the temporary directory, also where it fails or is interrupted", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 30);
  const temporary = join(exporter.home, "temporary");
  await Deno.mkdir(temporary);
  const env = { ...storeSettings(server.target("prefix")), TMPDIR: temporary };
  const isDay = ({ method, key }: S3Request) => method === "PUT" && key.includes("/dt=");
  remote.fault = (request) =>
    isDay(request) ? { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" } : undefined;
  expectCode(await exporter.export([], env), 1);
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
  const interrupted = Promise.withResolvers<number>();
  let signals = 0;
  remote.fault = (request) => {
    if (!isDay(request)) return undefined;
    assert.equal([...Deno.readDirSync(temporary)].length, 1);
    // A second signal would end it at once.
    if (signals++ === 0) child.kill("SIGINT");
    interrupted.resolve(performance.now());
    return { delayMs: 30_000 };
  };
  const child = exporter.start("export.ts", [], env);
  const ended = finish(child);
  const start = await interrupted.promise;
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.ok(performance.now() - start < 10_000, "the store is not waited for");
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
  remote.fault = undefined;
  expectCode(await exporter.export([], env), 0);
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
});

Deno.test("export --to --dry-run tells the plan and writes nothing", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 30);
  const { code, stdout } = await remote.run("export", ["checks", "--dry-run"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Plan for lane local\/checks: write 2 days, leave 0 days\n {2}2025-09-01 {2}new/);
  assert.deepEqual(remote.puts(), []);
  assert.equal(remote.server.objects.size, 0);
});

Deno.test("export --to refuses SQLite and --out, and EXPORT_URL gives way to them", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 3);
  for (const flags of [["--out", "x"], ["--from", "sqlite"], ["--from", "all"]]) {
    const result = await remote.run("export", ["checks", "--to", "s3://lake/prefix", ...flags]);
    expectCode(result, 2);
    assert.match(result.stderr, /--to goes with neither --out nor --from sqlite or all/);
  }
  expectCode(await remote.run("export", ["checks", "--out", join(remote.exporter.home, "here")]), 0);
  assert.deepEqual(remote.server.log, []);
  assert.equal((await readLane(join(remote.exporter.home, "here/local"))).length, 1);
  const wrong = await remote.run("export", ["--to", "ftp://lake"]);
  expectCode(wrong, 2);
  assert.match(wrong.stderr, /--to: it does not start with s3:\/\//);
});

Deno.test("an upload goes on where a killed one was: what is there is not sent again", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 60);
  remote.fault = ({ method, key }) => {
    if (method === "PUT" && key.endsWith("_manifest.json")) child.kill("SIGKILL");
    return undefined;
  };
  const child = exporter.start("export.ts", [], storeSettings(server.target("prefix")));
  // The server may have carried the last request out: then the snapshot is there, and nothing after it.
  assert.equal((await finish(child)).code, 137);
  server.objects.delete("prefix/local/checks/_manifest.json");
  remote.fault = undefined;
  assert.equal([...server.objects.keys()].filter((key) => key.includes("/dt=")).length, 3);
  const { code, stdout } = await remote.export({ json: true });
  assert.equal(code, 0);
  const [{ objects, bytesPut, files }] = JSON.parse(stdout).lanes;
  assert.deepEqual([objects, bytesPut, files], [0, 0, 3]);
  assert.deepEqual(await remote.runIds(), runs(1, 60));
});

Deno.test("the Delta log of an export that was killed after its commit is written by the next one", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 10);
  for (
    const missing of [["_manifests/1.json", `_delta_log/${"0".repeat(20)}.json`], [`_delta_log/${"0".repeat(20)}.json`]]
  ) {
    expectCode(await remote.export(), 0);
    for (const key of missing) assert.ok(server.objects.delete(`prefix/local/checks/${key}`), key);
    const { stdout } = await remote.export();
    assert.match(stdout, /is up to date/);
    assert.deepEqual(await remote.runIds(), runs(1, 10));
    assert.ok(server.objects.has("prefix/local/checks/_manifests/1.json"));
  }
  await insertChecks(exporter.database, 11, 20);
  expectCode(await remote.export(), 0);
  server.objects.delete(`prefix/local/checks/_delta_log/${"1".padStart(20, "0")}.json`);
  await insertChecks(exporter.database, 21, 30);
  expectCode(await remote.export(), 0);
  assert.deepEqual(await remote.runIds(), runs(1, 30));
});

Deno.test("another export's commit is a conflict, and what it has committed stays", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 10);
  expectCode(await remote.export(), 0);
  await insertChecks(exporter.database, 11, 20);
  const path = "prefix/local/checks/_manifest.json";
  const other = { ...server.objects.get(path)!, etag: '"00000000000000000000000000000001"' };
  remote.fault = ({ method, key }) => {
    if (method === "PUT" && key === path) server.objects.set(path, other);
    return undefined;
  };
  const { code, stderr } = await remote.export();
  assert.equal(code, 5, stderr);
  assert.match(stderr, /s3:\/\/lake\/prefix\/local\/checks": another export has committed snapshot 2 meanwhile; run/);
  remote.fault = undefined;
  assert.deepEqual(await remote.runIds(), runs(1, 10));
  const { stdout } = await remote.export({ json: true });
  assert.equal(JSON.parse(stdout).lanes[0].objects, 0, "what the refused one has sent is found again");
  assert.deepEqual(await remote.runIds(), runs(1, 20));
});

Deno.test("a lost answer to the commit is no conflict", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 10);
  let lost = 0;
  remote.fault = ({ method, key }) => {
    if (method !== "PUT" || !key.endsWith("_manifest.json") || lost++ > 0) return undefined;
    return "store-then-cut";
  };
  expectCode(await remote.export(), 0);
  assert.ok(lost > 1, "it was sent again");
  assert.deepEqual(await remote.runIds(), runs(1, 10));
});

Deno.test("a store that ignores conditions is refused before anything is sent", async () => {
  await using remote = await createRemote();
  await insertChecks(remote.exporter.database, 1, 10);
  const ignored = (name: string) => ({ headers }: S3Request) =>
    headers[name] ? "ignore-conditions" as const : undefined;
  for (const fault of [ignored("if-none-match"), ignored("if-match")]) {
    remote.fault = fault;
    const { code, stderr } = await remote.export();
    assert.equal(code, 3, stderr);
    assert.match(stderr, /this store ignores If-Match and If-None-Match/);
    assert.deepEqual(remote.puts().filter((key) => key.includes("/dt=")), []);
  }
});

Deno.test("a store that fails leaves what was visible", async () => {
  await using remote = await createRemote();
  const { exporter } = remote;
  await insertChecks(exporter.database, 1, 30);
  expectCode(await remote.export(), 0);
  await insertChecks(exporter.database, 31, 60);
  remote.fault = ({ method, key }) =>
    method === "PUT" && key.includes("dt=2025-09-03")
      ? { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" }
      : undefined;
  const { code, stderr } = await remote.export();
  assert.equal(code, 1, stderr);
  assert.match(stderr, /AccessDenied/);
  assert.deepEqual(await remote.runIds(), runs(1, 30));
  remote.fault = ({ method, key }) =>
    method === "PUT" && key.includes("_delta_log")
      ? { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" }
      : undefined;
  const behind = await remote.export();
  assert.equal(behind.code, 1);
  assert.match(behind.stderr, /^Snapshot 2 of "s3:.*" is committed; its Delta log follows with the next export:\n/);
  remote.fault = undefined;
  assert.deepEqual(await remote.runIds(), runs(1, 30));
  expectCode(await remote.export(), 0);
  assert.deepEqual(await remote.runIds(), runs(1, 60));
});

Deno.test("objects that are gone or changed are noticed and written again, by name, size or digest", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 60);
  expectCode(await remote.export(), 0);
  const [first, second, third] = [...server.objects.keys()].filter((key) => key.includes("/dt=")).sort();
  server.objects.delete(first);
  server.objects.set(second, { ...server.objects.get(second)!, bytes: new Uint8Array(3) });
  const { stderr } = await remote.export();
  assert.match(stderr, /dt=2025-09-01\/\S+ is missing/);
  assert.match(stderr, /dt=2025-09-02\/\S+ has 3 bytes, not \d+/);
  assert.deepEqual(await remote.runIds(), runs(1, 60));
  const other = server.objects.get(third)!;
  server.objects.set(third, { ...other, headers: { ...other.headers, "x-amz-meta-sha256": "0".repeat(64) } });
  assert.match((await remote.export()).stdout, /is up to date/);
  assert.match((await remote.export({ verify: true })).stderr, /dt=2025-09-03\/\S+ does not bear the digest/);
  assert.match((await remote.export({ verify: true })).stdout, /is up to date/);
  assert.deepEqual(await remote.runIds(), runs(1, 60));
});

Deno.test("a key that another object has is refused, and it is left alone", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 3);
  expectCode(await remote.export(), 0);
  const [key, object] = [...server.objects].find(([key]) => key.includes("/dt="))!;
  for (const other of [...server.objects.keys()].filter((other) => other !== key)) server.objects.delete(other);
  for (
    const other of [
      { ...object, bytes: new Uint8Array(3) },
      { ...object, headers: { ...object.headers, "x-amz-meta-sha256": "0".repeat(64) } },
    ]
  ) {
    server.objects.set(key, other);
    const { code, stderr } = await remote.export();
    assert.equal(code, 3, stderr);
    assert.match(stderr, /another one has its key; remove it/);
    assert.equal(server.objects.get(key), other);
  }
});

Deno.test("a lane that has lost its snapshot is refused, unless no export has ever committed there", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 3);
  expectCode(await remote.export(), 0);
  server.objects.delete("prefix/local/checks/_manifest.json");
  const { code, stderr } = await remote.export();
  assert.equal(code, 3, stderr);
  assert.match(stderr, /it has no _manifest\.json, but _delta_log\//);
  const all = [...server.objects];
  const [day, object] = all.find(([key]) => key.includes("/dt="))!;
  server.objects.clear();
  server.objects.set(day.replace("-g1-", "-g2-"), object);
  assert.match((await remote.export()).stderr, /it has no _manifest\.json, but dt=/);
  server.objects.clear();
  for (const [key, object] of all) server.objects.set(key, object);
  server.objects.set("prefix/local/checks/_manifest.json", {
    ...server.objects.get("prefix/local/checks/_manifests/1.json")!,
  });
  assert.match((await remote.export()).stdout, /is up to date/);
  server.objects.set("prefix/local/checks/_manifest.json", {
    ...server.objects.get("prefix/local/checks/_manifests/1.json")!,
    bytes: new TextEncoder().encode("{}"),
  });
  const damaged = await remote.export();
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /Cannot read snapshot "s3:\/\/lake\/prefix\/local\/checks\/_manifest.json"/);
});

Deno.test("what one lane of an environment has redacted, no other lane in the store shows", async () => {
  await using remote = await createRemote();
  const { exporter } = remote;
  await insertChecks(exporter.database, 1, 3);
  expectCode(await remote.export({ redacted: ["claim"] }), 0);
  await exporter.database.sql.unsafe(`
    insert into requests (id, claim, mode, env, created_at) values (gen_random_uuid(), 'secret', 'baseline', 'local', now())
  `);
  expectCode(await remote.export({ datasets: ["requests"] }), 0);
  const manifest = JSON.parse(
    new TextDecoder().decode(remote.server.objects.get("prefix/local/requests/_manifest.json")!.bytes),
  );
  assert.deepEqual(manifest.lane.redacted, ["claim"]);
});

Deno.test("lake:list names the objects of the snapshot, and none else", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 30);
  expectCode(await remote.export(), 0);
  await exporter.database.sql`delete from checks where run_id = 'run-1'`;
  expectCode(await remote.export(), 0);
  const { code, stdout } = await remote.run("lake:list");
  assert.equal(code, 0);
  const urls = stdout.trimEnd().split("\n");
  assert.equal(urls.length, 2);
  for (const url of urls) assert.ok(server.objects.has(url.replace("s3://lake/", "")), url);
  assert.match(urls[0], /checks-g2-/);
  const json = await remote.run("lake:list", ["checks", "--json"]);
  assert.deepEqual(JSON.parse(json.stdout).lanes[0].objects.map(({ url }: { url: string }) => url), urls);
  for (const names of [["requests"], ["checks", "requests"]]) {
    const none = await remote.run("lake:list", names);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /local\/requests": nothing was exported there/);
  }
  const unknown = await remote.run("lake:list", ["nope"]);
  expectCode(unknown, 2);
  assert.match(unknown.stderr, /^Cannot find dataset "nope"/);
});

Deno.test("lake:pull brings a snapshot to the disk as an export would have written it, and then only what changed", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 60);
  expectCode(await remote.export(), 0);
  expectCode(await exporter.export(["--out", join(exporter.home, "same")]), 0);
  expectCode(await remote.run("lake:pull"), 0);
  const { "_manifest.json": _pulled, ...files } = await fileHashes(exporter.lane);
  const { "_manifest.json": _exported, ...same } = await fileHashes(join(exporter.home, "same/local"));
  assert.deepEqual(files, same);
  assert.match((await exporter.export()).stdout, /is up to date/, "an export goes on with it");

  await exporter.database.sql`update checks set claim = 'other' where run_id = 'run-60'`;
  await exporter.database.sql`delete from checks where created_at < '2025-09-02'`;
  expectCode(await remote.export(), 0);
  server.log.length = 0;
  const second = await remote.run("lake:pull", ["--json"]);
  expectCode(second, 0);
  const [{ files: come, removedDays, unchangedDays, generation }] = JSON.parse(second.stdout).lanes;
  assert.deepEqual([come, removedDays, unchangedDays, generation], [1, 1, 1, 2]);
  assert.equal(server.log.filter(({ key, method }) => method === "GET" && key.includes("/dt=")).length, 1);
  assert.deepEqual((await readLane(exporter.lane)).flatMap(({ rows }) => rows).length, (await remote.runIds()).length);
  const [, whole] = (await listLane(exporter.lane)).filter((path) => path.endsWith(".parquet"));
  await Deno.copyFile(join(exporter.lane, whole), join(exporter.lane, whole.replace(".parquet", "-2.parquet")));
  await Deno.truncate(join(exporter.lane, whole), 100);
  expectCode(await remote.run("lake:pull"), 0);
  assert.deepEqual(
    (await readLane(exporter.lane)).flatMap(({ rows }) => rows.map(({ run_id }) => `${run_id}`)).sort(),
    await remote.runIds(),
    "what is damaged or too much on the disk is mended",
  );
  expectCode(await exporter.export(), 0);
  assert.match((await exporter.export()).stdout, /is up to date/);
});

Deno.test("lake:pull --since leaves earlier days as they are", async () => {
  await using remote = await createRemote();
  const { exporter } = remote;
  await insertChecks(exporter.database, 1, 60);
  expectCode(await remote.export(), 0);
  expectCode(await remote.run("lake:pull", ["--since", "2025-09-03"]), 0);
  assert.deepEqual((await readLane(exporter.lane)).map(({ path }) => path), ["dt=2025-09-03/checks.parquet"]);
  await exporter.database.sql`update checks set claim = 'other'`;
  expectCode(await remote.export(), 0);
  expectCode(await remote.run("lake:pull", ["--since", "2025-09-02"]), 0);
  const { state } = JSON.parse(await Deno.readTextFile(join(exporter.lane, "_manifest.json")));
  assert.equal(state, null, "its fingerprints are of two states");
  const files = await readLane(exporter.lane);
  assert.deepEqual(files.map(({ rows }) => new Set(rows.map(({ claim }) => claim))), [
    new Set(["other"]),
    new Set(["other"]),
  ]);
  expectCode(await exporter.export(), 0);
  assert.equal((await readLane(exporter.lane)).flatMap(({ rows }) => rows).length, 60);
});

Deno.test("lake:pull replaces nothing that it cannot give back, and nothing by bytes that were not sent", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  await insertChecks(exporter.database, 1, 30);
  expectCode(await exporter.export(["--redact", "claim"]), 0);
  const before = await fileHashes(exporter.lane);
  expectCode(await remote.export(), 0);
  const lifted = await remote.run("lake:pull");
  expectCode(lifted, 3);
  assert.match(lifted.stderr, /Cannot pull into lane "local": claim would no longer be redacted/);
  assert.deepEqual(await fileHashes(exporter.lane), before);

  const mixed = join(exporter.home, "mixed");
  using file = createHarnessFile(join(exporter.home, "heretix.sqlite"));
  file.insert("runs", { run_id: "run", created_at: 1_756_720_800, model: "m", prompt_version: "v", K: 1, R: 1 });
  expectCode(await exporter.export(["--from", "sqlite", "--out", mixed]), 0);
  const sqlite = await remote.run("lake:pull", ["--out", mixed]);
  expectCode(sqlite, 3);
  assert.match(sqlite.stderr, /it holds rows of SQLite, which would go; choose another directory with --out/);

  const out = ["--out", join(exporter.home, "pulled")];
  const [key] = [...server.objects.keys()].filter((key) => key.includes("/dt=")).sort();
  const object = server.objects.get(key)!;
  server.objects.set(key, { ...object, bytes: object.bytes.with(9, 0) });
  const damaged = await remote.run("lake:pull", out);
  expectCode(damaged, 1);
  assert.match(damaged.stderr, /it has other bytes than were sent/);
  server.objects.delete(key);
  const missing = await remote.run("lake:pull", out);
  expectCode(missing, 1);
  assert.match(missing.stderr, /is missing/);
  assert.deepEqual(await listLane(join(exporter.home, "pulled/local")), []);
  server.objects.set(key, object);
  expectCode(await remote.run("lake:pull", out), 0);

  const manifest = join(exporter.home, "pulled/local/_manifest.json");
  await Deno.writeTextFile(
    manifest,
    (await Deno.readTextFile(manifest)).replace(/"source": "[^"]*"/, '"source": "other"'),
  );
  const other = await remote.run("lake:pull", out);
  expectCode(other, 3);
  assert.match(
    other.stderr,
    /it mirrors other, and the snapshot .*; choose another directory with --out, or add --new-/,
  );
  expectCode(await remote.run("lake:pull", [...out, "--new-source"]), 0);
});

Deno.test("lake:prune removes what left the snapshot, and nothing that a reader or an export needs", async () => {
  await using remote = await createRemote();
  const { exporter, server } = remote;
  const days = () =>
    [...server.objects.keys()].filter((key) => key.includes("/dt=")).map((key) => /-(g\d)-/.exec(key)?.[1] ?? "theirs")
      .sort();
  await insertChecks(exporter.database, 1, 30);
  expectCode(await remote.export(), 0);
  for (const claim of ["two", "three"]) {
    await exporter.database.sql`update checks set claim = ${claim}`;
    expectCode(await remote.export(), 0);
  }
  const put = (key: string) => server.objects.set(`prefix/local/checks/${key}`, [...server.objects.values()][0]);
  put("dt=2025-09-01/checks-g2-0123456789abcdef.parquet");
  put("dt=2025-09-01/checks-g4-0123456789abcdef.parquet");
  put("dt=2025-09-01/theirs.parquet");
  assert.deepEqual(days(), ["g1", "g1", "g2", "g2", "g2", "g3", "g3", "g4", "theirs"].sort());
  assert.match((await remote.run("lake:prune", ["--dry-run"])).stdout, /^Would remove 1 object \(/);
  assert.match((await remote.run("lake:prune")).stdout, /^Removed 1 object \(/);
  assert.deepEqual(days(), ["g1", "g1", "g2", "g2", "g3", "g3", "g4", "theirs"]);
  expectCode(await remote.run("lake:prune", ["--keep-days", "0"]), 0);
  assert.deepEqual(days(), ["g3", "g3", "g4", "theirs"]);
  const copies = [...server.objects.keys()].filter((key) => key.includes("_manifests/")).map((key) =>
    key.split("/").at(-1)
  );
  assert.deepEqual(copies.sort(), ["2.json", "3.json"]);
  assert.deepEqual(await remote.runIds(), runs(1, 30));
  await exporter.database.sql`update checks set claim = 'four'`;
  expectCode(await remote.export(), 0);
  const { superseded } = JSON.parse(
    new TextDecoder().decode(server.objects.get("prefix/local/checks/_manifest.json")!.bytes),
  );
  assert.equal(superseded.length, 2, "what is gone is forgotten");
  assert.deepEqual(await remote.runIds(), runs(1, 30));
});
