import assert from "node:assert/strict";
import { join } from "node:path";
import { adoptLane } from "../tasks/lib/lake/adopt.ts";
import { parseDataset } from "../tasks/lib/dataset/dataset.ts";
import { openDuckDb } from "../tasks/lib/parquet/duckdb.ts";
import { literal } from "../tasks/lib/parquet/quote.ts";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import { footerOf } from "../tasks/lib/parquet/footer.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, type Exporter, fileHashes, fileStates, insertChecks } from "./support/exporter.ts";
import { createHarnessFile } from "./support/harness.ts";
import { type ParquetRow, readLane } from "./support/parquet.ts";

const [FIRST, SECOND] = ["dt=2025-09-29/checks.parquet", "dt=2025-09-30/checks.parquet"];
const MANIFEST = "_manifest.json";

/** An exporter whose lane holds rows of both sources on two days. */
async function createBoth(redacted?: readonly string[]): Promise<Exporter> {
  const exporter = await createExporter();
  writeHarnessSample(join(exporter.home, "heretix.sqlite"), { runs: 8, days: 2 });
  await insertChecks(exporter.database, 1, 40, "timestamptz '2025-09-29 00:00:00.000001+00' + n * interval '1 hour'");
  await exportHere(exporter, { redacted });
  return exporter;
}

const readRows = async ({ lane }: Exporter): Promise<ParquetRow[]> =>
  (await readLane(lane)).flatMap(({ rows }) => rows);

const loseManifest = ({ lane }: Exporter) => Deno.remove(join(lane, MANIFEST));

/** Writes a Parquet file of somebody's own under a path of a lane. */
async function writeParquet({ lane }: Exporter, path: string, select: string): Promise<void> {
  using db = await openDuckDb();
  db.run(`copy (${select}) to 'memory/theirs' (format parquet)`);
  await Deno.mkdir(join(lane, path, ".."), { recursive: true });
  await Deno.writeFile(join(lane, path), db.fileBytes("theirs"));
}

/** Writes a day's file again as versions before the marks did: the same rows, and nothing said about them. */
async function unmark(exporter: Exporter, path: string): Promise<void> {
  const columns = "read_parquet(" + literal(join(exporter.lane, path)) + ", hive_partitioning = false)";
  await writeParquet(exporter, path, `select * from ${columns}`);
}

/** Refused with exit 3 and this message, and no file is another one than before. */
async function refuses(exporter: Exporter, work: () => Promise<unknown>, message: RegExp): Promise<void> {
  const before = await fileStates(exporter.lane);
  await assert.rejects(work, { name: "TaskError", exitCode: 3, message });
  assert.deepEqual(await fileStates(exporter.lane), before);
}

Deno.test("export takes no byte from a kept file that is not the one that was written, though it has its size", async () => {
  await using exporter = await createBoth();
  const path = join(exporter.lane, FIRST);
  const { run_id: run } = (await readLane(exporter.lane))[0].rows.find(({ source }) => source === "sqlite")!;
  const bytes = await Deno.readFile(path);
  const [{ end }] = footerOf(bytes).groups;
  // In the middle of a page of SQLite's row group, which a new row of Postgres would copy.
  bytes[end + 200] ^= 1;
  await Deno.writeFile(path, bytes);
  await exporter.database.sql`update checks set claim = 'new' where run_id in ('run-1', 'run-30')`;
  const before = await fileStates(exporter.lane);
  for (const request of [{ from: "postgres" }, { from: "sqlite", run: `${run}` }] as const) {
    await assert.rejects(exportHere(exporter, request), {
      name: "TaskError",
      exitCode: 1,
      message: `Cannot read "${path}": it is not the file that was exported; run deno task export --from all --verify`,
    });
    assert.deepEqual(await fileStates(exporter.lane), before);
  }
  assert.deepEqual((await exportHere(exporter, { verify: true })).told, [
    `Warning: local/${FIRST} has other bytes than were written`,
  ]);
  assert.equal((await readRows(exporter)).filter(({ claim }) => claim === "new").length, 2);
});

Deno.test("a manifest that is made from files says of them what the lost one said", async () => {
  await using exporter = await createBoth(["claim"]);
  const { days, redacted } = JSON.parse(await Deno.readTextFile(join(exporter.lane, MANIFEST)));
  await loseManifest(exporter);
  const select = "sql/export/checks.postgres.sql";
  const dataset = parseDataset("checks", select, await Deno.readTextFile(select));
  const adopted = await adoptLane(exporter.lane, { dataset, lane: "local" });
  assert.deepEqual(adopted.redacted, redacted);
  assert.deepEqual(Object.keys(adopted.days), Object.keys(days));
  for (const [day, { files, rows, firstMicros, lastMicros }] of Object.entries(adopted.days)) {
    const { files: oldFiles, rows: oldRows, firstMicros: min, lastMicros: max } = days[day];
    assert.deepEqual({ files, rows, firstMicros, lastMicros }, {
      files: oldFiles,
      rows: oldRows,
      firstMicros: min,
      lastMicros: max,
    });
  }
});

Deno.test("a lane whose manifest is lost remembers its redactions by its files", async () => {
  await using exporter = await createBoth(["claim", "user_id"]);
  const expected = await readRows(exporter);
  assert.ok(expected.every(({ claim }) => claim === null));
  for (const from of ["postgres", "sqlite", "all"] as const) {
    await loseManifest(exporter);
    await exportHere(exporter, { from });
    assert.deepEqual(await readRows(exporter), expected);
  }
  await loseManifest(exporter);
  await refuses(exporter, () => exportHere(exporter, { redacted: [] }), /written with claim, user_id redacted/);
  await refuses(exporter, () => exportHere(exporter, { redacted: ["claim"] }), /written with user_id redacted/);
});

Deno.test("a lane without manifest and marks is refused until --redact is given, empty or not", async () => {
  const without =
    /^Cannot export to lane "local": its manifest is lost and its files do not say which columns are redacted; add --redact with the columns, --redact '' for none$/;
  for (const redacted of [[], ["claim"]]) {
    await using exporter = await createBoth();
    const expected = (await readRows(exporter)).map((row) => redacted.length > 0 ? { ...row, claim: null } : row);
    await unmark(exporter, FIRST);
    await loseManifest(exporter);
    await refuses(exporter, () => exportHere(exporter), without);
    await refuses(exporter, () => exportHere(exporter, { from: "sqlite", missingOnly: true }), without);
    await exportHere(exporter, { redacted });
    assert.deepEqual(await readRows(exporter), expected);
    await exportHere(exporter);
    assert.deepEqual(await readRows(exporter), expected);
  }
});

Deno.test("a redaction of a lane without manifest and marks leaves no day in clear", async () => {
  await using exporter = await createBoth();
  for (const path of [FIRST, SECOND]) await unmark(exporter, path);
  await loseManifest(exporter);
  await refuses(
    exporter,
    () => exportHere(exporter, { redacted: ["claim"], range: { since: "2025-09-30" } }),
    /^Cannot export to lane "local": claim would stay in its other days; leave out --since and --until$/,
  );
});

Deno.test("a day whose only file has a name of an earlier version is not lost when its rows are what they were", async () => {
  await using exporter = await createBoth();
  const expected = await readRows(exporter);
  await Deno.rename(join(exporter.lane, FIRST), join(exporter.lane, "dt=2025-09-29/checks-2.parquet"));
  await loseManifest(exporter);
  await exportHere(exporter);
  assert.deepEqual(await readRows(exporter), expected);
  assert.deepEqual((await readLane(exporter.lane)).map(({ path }) => path), [FIRST, SECOND]);
});

/** Somebody else's tables under our names. */
const THEIRS = {
  "other columns": "select 1 as mine",
  "our columns among others": "select null::varchar as run_id, now() as created_at, null::varchar as execution_id, " +
    "'postgres' as source, 1 as mine",
};

Deno.test("a foreign file under our name in a day that is written is named and refused, and stays", async () => {
  await using exporter = await createBoth();
  const name = "dt=2025-09-29/checks-2.parquet";
  for (const select of Object.values(THEIRS)) {
    await writeParquet(exporter, name, select);
    await exporter.database.sql`update checks set claim = 'new ' || random() where run_id = 'run-30'`;
    for (const request of [{}, { verify: true }, { full: true }, { dryRun: true }] as const) {
      await refuses(
        exporter,
        () => exportHere(exporter, request),
        /^Cannot replace ".*dt=2025-09-29\/checks-2\.parquet": it is no file that an export of checks has written; move it away/,
      );
    }
  }
});

Deno.test("a foreign file under our name in a day of its own, or in place of a new day's file, is refused, too", async () => {
  await using exporter = await createBoth();
  await writeParquet(exporter, "dt=2024-01-01/checks.parquet", THEIRS["other columns"]);
  await refuses(exporter, () => exportHere(exporter), /^Cannot replace ".*dt=2024-01-01\/checks\.parquet"/);
  await insertChecks(exporter.database, 41, 41, "timestamptz '2024-01-01 12:00:00+00'");
  await refuses(exporter, () => exportHere(exporter), /^Cannot replace ".*dt=2024-01-01\/checks\.parquet"/);
});

Deno.test("a foreign file in a day that is not looked at is named, and neither it nor the day is touched", async () => {
  await using exporter = await createBoth();
  const name = "dt=2025-09-29/checks-2.parquet";
  await writeParquet(exporter, name, THEIRS["other columns"]);
  const before = await fileStates(exporter.lane);
  await exporter.database.sql`update checks set claim = 'new' where run_id in ('run-1', 'run-30')`;
  const { told } = await exportHere(exporter, { from: "sqlite", missingOnly: true });
  assert.deepEqual(told, [`Warning: local/${name} is not in the manifest`]);
  await exportHere(exporter, { range: { since: "2025-09-30" } });
  const after = await fileStates(exporter.lane);
  for (const path of [name, FIRST]) assert.equal(after[path], before[path]);
  assert.notEqual(after[SECOND], before[SECOND]);
});

Deno.test("a foreign file under our name in a lane without a manifest is refused before anything is read from it", async () => {
  for (const select of Object.values(THEIRS)) {
    await using exporter = await createBoth();
    await writeParquet(exporter, "dt=2025-09-29/checks-2.parquet", select);
    await loseManifest(exporter);
    await refuses(
      exporter,
      () => exportHere(exporter, { redacted: [] }),
      /^Cannot adopt ".*checks-2\.parquet": it is no file that an export of checks has written; move it away$/,
    );
  }
});

/** Paths that a journal must not lead to, relative to the lane. */
const OUTSIDE = ["../../victim", "dt=2025-09-29/../../../victim", "dt=2025-09-29/notes.txt", "_manifest.json", ".lock"];

Deno.test("a forged journal makes the task remove and replace nothing, and is named", async () => {
  await using exporter = await createBoth();
  const id = crypto.randomUUID();
  const part = `dt=2025-09-29/.checks.parquet.${id}.part`;
  const manifest = `._manifest.json.${id}.part`;
  await Deno.writeTextFile(join(exporter.home, "victim"), "theirs");
  for (const path of ["dt=2025-09-29/notes.txt", part, manifest]) {
    await Deno.writeTextFile(join(exporter.lane, path), "theirs");
  }
  const journals = OUTSIDE.flatMap((path) => [
    { renames: [], removals: [path, join(exporter.home, "victim")], manifest },
    { renames: [{ from: part, to: path }], removals: [], manifest },
    { renames: [{ from: path, to: FIRST }], removals: [], manifest },
    { renames: [], removals: [], manifest: path },
  ]);
  const refused = async (journal: unknown) => {
    await Deno.writeTextFile(join(exporter.lane, "_commit.json"), JSON.stringify(journal));
    const before = await fileHashes(exporter.home);
    const message = `Cannot read journal "${exporter.lane}/_commit.json": it is damaged; ` +
      "remove it and export with --verify";
    await assert.rejects(exportHere(exporter), { name: "TaskError", exitCode: 1, message });
    assert.deepEqual(await fileHashes(exporter.home), before);
  };
  for (const journal of journals.filter(({ manifest }) => manifest !== "_manifest.json")) await refused(journal);
  const { code, stdout, stderr } = await exporter.export();
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^Cannot read journal ".*_commit\.json": it is damaged; [^\n]*\n$/);
  assert.equal(await Deno.readTextFile(join(exporter.home, "victim")), "theirs");
});

Deno.test("a file whose damaged day was written anew from another file is not taken for done", async () => {
  await using exporter = await createExporter();
  const [one, other] = ["one", "other"].map((name) => {
    const path = join(exporter.home, `${name}.sqlite`);
    using file = createHarnessFile(path);
    file.insert("runs", { run_id: name, created_at: 1_756_684_800 });
    return { from: "sqlite", sqlitePaths: [path] } as const;
  });
  await exportHere(exporter, one);
  await Deno.truncate(join(exporter.lane, "dt=2025-09-01/checks.parquet"), 50);
  for (const request of [other, one]) await exportHere(exporter, request);
  assert.deepEqual((await readRows(exporter)).map(({ run_id }) => run_id), ["one", "other"]);
});
