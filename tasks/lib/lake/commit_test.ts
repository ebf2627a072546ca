import assert from "node:assert/strict";
import { join } from "node:path";
import { type LaneFile, listLane, readLane } from "../../../tests/support/parquet.ts";
import { createDayFile } from "./day_file.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { literal } from "../parquet/quote.ts";
import { formatMark } from "../parquet/file_mark.ts";
import { parseJournal } from "./journal.ts";
import { commitSteps, recover } from "./commit.ts";
import { emptyManifest, formatManifest } from "./manifest.ts";
import { checksOf } from "../../../tests/support/checks.ts";
import { columnsOf } from "../../../tests/support/columns.ts";
import { createHash } from "node:crypto";
import { footerOf } from "../parquet/footer.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const DATASET = checksOf(
  columnsOf({ run_id: "text", created_at: "timestamptz", execution_id: "text", source: "text" }),
);

const ID = "0c8a1b1e-5f0a-4f0e-9c1e-000000000000";

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-commit-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes a day's file of one run under a path, marked as an export does or not at all. */
async function writeFile(path: string, run: string, marked = true): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  db.dropFile("day.parquet");
  db.run(`copy (select ${literal(run)} as run_id, make_timestamp(0)::timestamptz as created_at,
    null::varchar as execution_id, 'postgres' as source) to 'memory/day.parquet' (format parquet)`);
  const bytes = db.fileBytes("day.parquet").slice();
  if (!marked) return await Deno.writeFile(path, bytes);
  const [{ start, end }] = footerOf(bytes).groups;
  const file = createDayFile(path, {
    metadata: formatMark({ dataset: "checks", redacted: [] }),
    day: DATASET.day,
  });
  await file.addChunk({ bytes, sha256: createHash("sha256").update(bytes.subarray(start, end)).digest("hex") });
  await file.finish();
}

const [ONE, TWO, GONE, FRESH] = [1, 2, 3, 4].map((day) => `dt=2025-01-0${day}`);

/** A lane between two versions: a day of one file, one of several files of an earlier version, one that goes, one that
 * comes. */
async function createLane(lane: string): Promise<string> {
  await writeFile(join(lane, `${ONE}/checks.parquet`), "one old");
  await writeFile(join(lane, `${TWO}/checks.parquet`), "two old", false);
  await writeFile(join(lane, `${TWO}/checks-2.parquet`), "two old, more", false);
  await writeFile(join(lane, `${GONE}/checks.parquet`), "gone");
  const part = (day: string) => `${day}/.checks.parquet.${ID}.part`;
  for (const [day, run] of [[ONE, "one new"], [TWO, "two new"], [FRESH, "fresh"]]) {
    await writeFile(join(lane, part(day)), run);
  }
  const manifest = `._manifest.json.${ID}.part`;
  const empty = emptyManifest("checks", DATASET.columns);
  const file = { file: "checks.parquet", sizeBytes: 1, sha256: "0".repeat(64) };
  const bounds = { rows: {}, firstMicros: "0", lastMicros: "0", schema: "", fingerprints: {}, digests: {} };
  const two = { ...bounds, keys: {}, skipped: {}, files: [file, { ...file, file: "checks-2.parquet" }] };
  await Deno.writeTextFile(join(lane, "_manifest.json"), formatManifest({ ...empty, days: { "2025-01-02": two } }));
  await Deno.writeTextFile(join(lane, manifest), formatManifest({ ...empty, redacted: ["new"] }));
  const renames = [ONE, TWO, FRESH].map((day) => ({ from: part(day), to: `${day}/checks.parquet` }));
  const removals = [`${TWO}/checks-2.parquet`, `${GONE}/checks.parquet`];
  return JSON.stringify({ renames, removals, manifest });
}

const runsOf = (files: readonly LaneFile[]) =>
  Object.fromEntries(
    [...Map.groupBy(files, ({ path }) => path.split("/")[0])].map(([day, files]) => [
      day,
      files.flatMap(({ rows }) => rows.map(({ run_id }) => run_id)).sort().join(),
    ]),
  );

Deno.test("every prefix of a commit leaves a lane that can be read, no day mixed, and is finished by recover()", () =>
  withDirectory(async (directory) => {
    const count = commitSteps("", parseJournal("", await createLane(join(directory, "count")), "checks")).length;
    for (let prefix = 0; prefix <= count; prefix++) {
      const lane = join(directory, `${prefix}`);
      const text = await createLane(lane);
      await Deno.writeTextFile(join(lane, "_commit.json"), text);
      for (const step of commitSteps(lane, parseJournal("", text, "checks")).slice(0, prefix)) await step();
      const days = runsOf(await readLane(lane));
      assert.ok(["one old", "one new"].includes(days[ONE]), `${prefix}: ${days[ONE]}`);
      assert.ok([undefined, "gone"].includes(days[GONE]), `${prefix}: ${days[GONE]}`);
      assert.ok([undefined, "fresh"].includes(days[FRESH]), `${prefix}: ${days[FRESH]}`);
      // The one day that had several files is replaced by more than one rename.
      const between = ["two new,two old, more"];
      assert.ok(["two old,two old, more", "two new", ...between].includes(days[TWO]), `${prefix}: ${days[TWO]}`);
      await recover(lane, DATASET);
      assert.deepEqual(runsOf(await readLane(lane)), { [ONE]: "one new", [TWO]: "two new", [FRESH]: "fresh" });
      const visible = [ONE, TWO, FRESH].map((day) => `${day}/checks.parquet`);
      assert.deepEqual(await listLane(lane), ["_manifest.json", ...visible]);
      assert.match(await Deno.readTextFile(join(lane, "_manifest.json")), /"new"/);
      const folders = await Array.fromAsync(Deno.readDir(lane), ({ name }) => name);
      assert.ok(!folders.includes(GONE), "no empty day is left");
    }
  }));

Deno.test("recover() replaces and removes no file that is not ours, and nothing behind a link", () =>
  withDirectory(async (directory) => {
    const cases: readonly (readonly [name: string, act: (lane: string) => Promise<void>, finding: RegExp])[] = [
      [
        "a foreign file",
        (lane) => Deno.writeTextFile(join(lane, `${ONE}/checks.parquet`), "mine"),
        /dt=2025-01-01\/checks\.parquet": it is no file that an export of checks has written; move it away/,
      ],
      [
        "a file of another dataset's mark",
        async (lane) => {
          await Deno.remove(join(lane, `${ONE}/checks.parquet`));
          const file = createDayFile(
            join(lane, `${ONE}/checks.parquet`),
            { metadata: formatMark({ dataset: "requests", redacted: [] }), day: DATASET.day },
          );
          const bytes = db.fileBytes("day.parquet").slice();
          const [{ start, end }] = footerOf(bytes).groups;
          const sha256 = createHash("sha256").update(bytes.subarray(start, end)).digest("hex");
          await file.addChunk({ bytes, sha256 });
          await file.finish();
        },
        /it is no file that an export of checks has written/,
      ],
      [
        "a file without a mark that the manifest does not name",
        (lane) => writeFile(join(lane, `${GONE}/checks.parquet`), "theirs", false),
        /dt=2025-01-03\/checks\.parquet": it is no file that an export of checks has written/,
      ],
      ["a directory", async (lane) => {
        await Deno.remove(join(lane, `${GONE}/checks.parquet`));
        await Deno.mkdir(join(lane, `${GONE}/checks.parquet`));
      }, /it is a directory/],
      ["a link in place of a day", async (lane) => {
        await Deno.rename(join(lane, GONE), join(lane, "../outside"));
        await Deno.symlink("../outside", join(lane, GONE));
      }, /dt=2025-01-03": it is not a directory/],
    ];
    for (const [index, [name, act, finding]] of cases.entries()) {
      const lane = join(directory, `${index}/lane`);
      await Deno.writeTextFile(join(lane, "../journal"), await createLane(lane));
      await act(lane);
      const before = await listLane(join(lane, ".."));
      await Deno.rename(join(lane, "../journal"), join(lane, "_commit.json"));
      await assert.rejects(recover(lane, DATASET), { name: "TaskError", exitCode: 3, message: finding }, name);
      await Deno.rename(join(lane, "_commit.json"), join(lane, "../journal"));
      assert.deepEqual(await listLane(join(lane, "..")), before, name);
    }
  }));

Deno.test("recover() finishes a commit though the manifest is damaged or lost", () =>
  withDirectory(async (directory) => {
    for (const [index, text] of ["", "{}", undefined].entries()) {
      const lane = join(directory, `${index}`);
      await Deno.writeTextFile(join(directory, "journal"), await createLane(lane));
      await Deno.rename(join(directory, "journal"), join(lane, "_commit.json"));
      if (text === undefined) await Deno.remove(join(lane, "_manifest.json"));
      else await Deno.writeTextFile(join(lane, "_manifest.json"), text);
      await recover(lane, DATASET);
      assert.deepEqual(runsOf(await readLane(lane)), { [ONE]: "one new", [TWO]: "two new", [FRESH]: "fresh" });
    }
  }));
