import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { createExporter, type Exporter, fileHashes, fileStates, finish, insertChecks } from "./support/exporter.ts";
import { listLane, readLane } from "./support/parquet.ts";

const FIRST = "dt=2025-09-01/checks.parquet";
const SECOND = "dt=2025-09-02/checks.parquet";

/** An exporter whose lane holds 30 rows of Postgres on two days. */
async function createExported(name?: string): Promise<Exporter> {
  const exporter = await createExporter(name);
  await insertChecks(exporter.database, 1, 30);
  const { code, stderr } = await exporter.export();
  assert.equal(code, 0, stderr);
  return exporter;
}

/** A directory on a file system of its own; undefined where this machine does not permit mounts. */
async function mount(path: string, options: string): Promise<AsyncDisposable | undefined> {
  const run = async (command: string, ...args: string[]) => {
    const { success } = await new Deno.Command(command, { args, stderr: "null" }).output().catch(() => ({
      success: false,
    }));
    return success;
  };
  await Deno.mkdir(path, { recursive: true });
  if (!await run("mount", "-t", "tmpfs", "-o", options, "none", path)) return undefined;
  return { [Symbol.asyncDispose]: async () => assert.ok(await run("umount", path)) };
}

const mountable = await (async () => {
  const path = await Deno.makeTempDir({ prefix: "heretix-mount-" });
  const mounted = await mount(path, "size=64k");
  await mounted?.[Symbol.asyncDispose]();
  await Deno.remove(path);
  return mounted !== undefined;
})();

Deno.test({
  name: "export to a full disk fails in one line and replaces nothing, and goes on when there is room",
  // Only root may mount a small disk.
  ignore: !mountable,
  async fn() {
    await using exporter = await createExporter();
    await insertChecks(exporter.database, 1, 30);
    // One disk for each thing that may be the first not to fit: a day, the manifest, the journal.
    for (const size of ["20k", "28k", "36k"]) {
      const out = join(exporter.home, `disk-${size}`);
      await using _disk = await mount(out, `size=${size}`);
      const { code, stderr } = await exporter.export(["--out", out]);
      assert.equal(code, 1);
      assert.match(stderr, /^Cannot [^\n]*No space left on device[^\n]*\n$/, size);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(out)), [], "no empty lane is left");
      if (size !== "36k") continue;
      await new Deno.Command("mount", { args: ["-o", "remount,size=1m", out] }).output();
      assert.equal((await exporter.export(["--out", out])).code, 0);
      assert.equal((await readLane(join(out, "local"))).length, 2);
    }
  },
});

Deno.test({
  name: "export to a lane that cannot be written fails in one line",
  ignore: !mountable,
  async fn() {
    await using exporter = await createExporter();
    await insertChecks(exporter.database, 1, 30);
    const out = join(exporter.home, "read-only");
    await using _disk = await mount(out, "size=1m");
    assert.equal((await exporter.export(["--out", out])).code, 0);
    const before = await fileStates(join(out, "local"));
    await new Deno.Command("mount", { args: ["-o", "remount,ro", out] }).output();
    for (const args of [["--full"], ["--env", "local", "--out", join(out, "deeper")]]) {
      const { code, stderr } = await exporter.export(["--out", out, ...args]);
      assert.equal(code, 1);
      assert.match(stderr, /^Cannot [^\n]*Read-only file system[^\n]*\n$/);
    }
    assert.deepEqual(await fileStates(join(out, "local")), before);
    assert.equal((await exporter.export(["--out", out, "--dry-run", "--verify"])).code, 0, "reading needs no lock");
  },
});

Deno.test("export takes a lane path with spaces, quotes, brackets and stars", async () => {
  await using exporter = await createExported(`a lane's "own" [x] *?%20#`);
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 4, days: 1 });
  const { code, stderr } = await exporter.export(["--from", "all"]);
  assert.equal(code, 0, stderr);
  await exporter.database.sql`update checks set claim = 'new'`;
  assert.equal((await exporter.export(["--from", "all", "--verify"])).code, 0);
  const sources = (await readLane(exporter.lane)).flatMap(({ rows }) => rows.map(({ source }) => source));
  assert.equal(sources.filter((source) => source === "postgres").length, 30);
  assert.equal(sources.filter((source) => source === "sqlite").length, 5);
});

Deno.test("export never follows a link in place of a part, and puts the part there", async () => {
  await using exporter = await createExported();
  const outside = join(exporter.home, "outside.parquet");
  await Deno.rename(join(exporter.lane, FIRST), outside);
  await Deno.symlink(outside, join(exporter.lane, FIRST));
  const bytes = await Deno.readFile(outside);
  const { code, stderr } = await exporter.export();
  assert.equal(code, 0, stderr);
  assert.equal(stderr, `Warning: local/${FIRST} is not a regular file\n`);
  assert.ok((await Deno.lstat(join(exporter.lane, FIRST))).isFile);
  assert.deepEqual(await Deno.readFile(outside), bytes);
});

Deno.test("export never follows a link in place of a day", async () => {
  await using exporter = await createExported();
  const outside = join(exporter.home, "outside");
  await Deno.rename(join(exporter.lane, "dt=2025-09-01"), outside);
  await Deno.symlink(outside, join(exporter.lane, "dt=2025-09-01"));
  const before = await fileStates(outside);
  for (const args of [[], ["--full"], ["--verify"]]) {
    const { code, stderr } = await exporter.export(args);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot write day ".*dt=2025-09-01": it is not a directory; move it away\n$/);
  }
  assert.deepEqual(await fileStates(outside), before);
  await exporter.database.sql`delete from checks where created_at < '2025-09-02'`;
  assert.equal((await exporter.export(["--allow-shrink"])).code, 1, "a day that has vanished is not emptied either");
  assert.deepEqual(await fileStates(outside), before);
});

Deno.test("export asks for a directory in the place of a part to be moved away, and changes nothing before", async () => {
  await using exporter = await createExported();
  await Deno.remove(join(exporter.lane, FIRST));
  await Deno.mkdir(join(exporter.lane, FIRST));
  await Deno.writeTextFile(join(exporter.lane, FIRST, "mine"), "kept");
  await exporter.database.sql`update checks set claim = 'new'`;
  const before = await fileStates(exporter.lane);
  for (let run = 0; run < 2; run++) {
    const { code, stderr } = await exporter.export();
    assert.equal(code, 3);
    assert.match(stderr, /^Cannot replace ".*checks\.parquet": it is a directory; move it away and export again$/m);
    assert.deepEqual(await fileStates(exporter.lane), before);
  }
  await Deno.remove(join(exporter.lane, FIRST), { recursive: true });
  assert.equal((await exporter.export()).code, 0);
  assert.equal((await readLane(exporter.lane)).length, 2);
});

Deno.test("export never deletes what is not its own", async () => {
  await using exporter = await createExported();
  const stray = [
    "notes.txt",
    ".hidden",
    "_SUCCESS",
    "other.parquet",
    "dt=2025-09-01/notes.txt",
    "dt=2025-09-01/.checks.parquet.part",
    "dt=2025-09-01/checks.parquet.bak",
    "dt=2025-09-01/checks-1.parquet",
    "dt=2025-09-01/other.parquet",
    "dt=2025-13-01/checks.parquet",
    "elsewhere/checks.parquet",
  ];
  for (const path of stray) {
    await Deno.mkdir(join(exporter.lane, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(exporter.lane, path), path);
  }
  await exporter.database.sql`delete from checks where created_at < '2025-09-02'`;
  const { code, stderr } = await exporter.export(["--allow-shrink"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await listLane(exporter.lane), [".lock", "_manifest.json", SECOND, ...stray].sort());
});

/** What happens to a day's file, and what an export finds. */
const DAMAGES: readonly (readonly [finding: string, act: (path: string, lane: string) => Promise<void>])[] = [
  ["is missing", (path) => Deno.remove(path)],
  ["is missing", (path) => Deno.remove(join(path, ".."), { recursive: true })],
  ["has 100 bytes, not SIZE", (path) => Deno.truncate(path, 100)],
  ["has 0 bytes, not SIZE", (path) => Deno.truncate(path, 0)],
  ["has 6 bytes, not SIZE", (path) => Deno.writeTextFile(path, "hello\n")],
  ["has other bytes than were written", async (path) => {
    const bytes = await Deno.readFile(path);
    bytes[1000] ^= 1;
    await Deno.writeFile(path, bytes);
  }],
];

Deno.test("export reports and heals every kind of damage, and removes foreign parts", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 12, "timestamptz '2025-09-01 00:00:00+00' + (n % 6) * interval '1 day'");
  assert.equal((await exporter.export()).code, 0);
  const sound = await fileHashes(exporter.lane);
  const expected: string[] = [];
  for (const [index, [finding, act]] of DAMAGES.entries()) {
    const path = `dt=2025-09-0${index + 1}/checks.parquet`;
    const { size } = await Deno.stat(join(exporter.lane, path));
    await act(join(exporter.lane, path), exporter.lane);
    expected.push(`Warning: local/${path} ${finding.replace("SIZE", `${size}`)}\n`);
  }
  await Deno.mkdir(join(exporter.lane, "dt=2024-01-01"));
  for (const path of ["dt=2024-01-01/checks.parquet", "dt=2025-09-06/checks-2.parquet"]) {
    await Deno.copyFile(join(exporter.lane, "dt=2025-09-06/checks.parquet"), join(exporter.lane, path));
    expected.push(`Warning: local/${path} is not in the manifest\n`);
  }
  const { stderr } = await exporter.export(["--dry-run"]);
  assert.equal(
    stderr,
    expected.filter((line) => !line.includes("other bytes")).join(""),
    "without a look at the bytes",
  );
  const healed = await exporter.export(["--verify"]);
  assert.equal(healed.code, 0);
  assert.equal(healed.stderr, expected.join(""));
  assert.deepEqual(await fileHashes(exporter.lane), sound);
});

Deno.test("export heals a damaged day of both sources only from both", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 30, "timestamptz '2025-09-30 12:00:00+00'");
  const path = join(exporter.home, "heretix.sqlite");
  writeHarnessSample(path, { runs: 4, days: 1 });
  assert.equal((await exporter.export(["--from", "all"])).code, 0);
  const sound = await fileHashes(exporter.lane);
  await Deno.truncate(join(exporter.lane, "dt=2025-09-30/checks.parquet"), 50);
  for (const from of ["postgres", "sqlite"]) {
    const { code, stderr } = await exporter.export(["--from", from]);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot export day "2025-09-30" of lane "local": its files are damaged and held \d+ rows of /);
  }
  assert.equal((await exporter.export(["--from", "all"])).code, 0);
  assert.deepEqual(await fileHashes(exporter.lane), sound);
  // A run whose day is sound is appended though another day is damaged.
  await Deno.truncate(join(exporter.lane, "dt=2025-09-30/checks.parquet"), 50);
  {
    using db = new DatabaseSync(path);
    db.exec("insert into runs (run_id, created_at) values ('alone', 1700000000)");
  }
  const hook = await finish(exporter.start("export_run.ts", ["alone"]));
  assert.equal(hook.code, 0, hook.stderr);
  assert.match(hook.stderr, /^Warning: local\/dt=2025-09-30\/checks\.parquet has 50 bytes/);
});

Deno.test("export adopts a lane whose manifest is lost, with the other source's rows", async () => {
  await using exporter = await createExported();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 4, days: 3 });
  assert.equal((await exporter.export(["--from", "sqlite"])).code, 0);
  const rowsOf = async () =>
    (await readLane(exporter.lane)).flatMap(({ path, rows }) => rows.map((row) => ({ path, ...row })));
  const before = await rowsOf();
  for (const from of ["postgres", "sqlite"]) {
    await Deno.remove(join(exporter.lane, "_manifest.json"));
    const { code, stderr } = await exporter.export(["--from", from]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await rowsOf(), before);
  }
  await Deno.remove(join(exporter.lane, "_manifest.json"));
  await Deno.truncate(join(exporter.lane, FIRST), 100);
  const states = await fileStates(exporter.lane);
  const { code, stderr } = await exporter.export();
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot adopt ".*dt=2025-09-01\/checks\.parquet": [^\n]*; move it away and export again\n$/);
  assert.deepEqual(await fileStates(exporter.lane), states);
});

Deno.test("export names a manifest or journal that it cannot read, and changes nothing", async () => {
  await using exporter = await createExported();
  const manifest = await Deno.readTextFile(join(exporter.lane, "_manifest.json"));
  const damaged = [
    "",
    manifest.slice(0, -20),
    "null",
    "[]",
    "{}",
    manifest.replace('"format": 2', '"format": 3'),
    manifest.replace('"days": {', '"days": {"2025-01-01": null,'),
    manifest.replace('"files": [', '"files": [null,'),
    manifest.replace(/"timeline": "\w+"/, '"timeline": 1'),
    manifest.replace('"file": "checks.parquet"', '"file": "../../outside.parquet"'),
    manifest.replace(/"redacted": \[\]/, '"redacted": null'),
  ];
  for (const text of damaged) {
    assert.notEqual(text, manifest);
    await Deno.writeTextFile(join(exporter.lane, "_manifest.json"), text);
    const before = await fileStates(exporter.lane);
    const { code, stderr } = await exporter.export(["--full"]);
    assert.equal(code, 1, text.slice(0, 300));
    assert.match(stderr, /^Cannot read manifest ".*_manifest\.json": [^\n]*; [^\n]*\n$/, text.slice(0, 300));
    assert.deepEqual(await fileStates(exporter.lane), before);
  }
  await Deno.remove(join(exporter.lane, "_manifest.json"));
  for (const [text, finding] of [['{"renames": [', "not JSON"], ["{}", "damaged"], ["null", "damaged"]]) {
    await Deno.writeTextFile(join(exporter.lane, "_commit.json"), text);
    const { code, stderr } = await exporter.export();
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`^Cannot read journal ".*_commit\\.json": it is ${finding}; remove it and export with --verify\n$`),
    );
  }
  await Deno.remove(join(exporter.lane, "_commit.json"));
  assert.equal((await exporter.export()).code, 0);
});
