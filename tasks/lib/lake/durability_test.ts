import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { createDayFile } from "./day_file.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { formatMark } from "../parquet/file_mark.ts";
import { commit } from "./commit.ts";
import { emptyManifest } from "./manifest.ts";
import { footerOf } from "../parquet/footer.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

/** What is asked of the disk while `work` is under way, in order: paths relative to the lane, unfinished ones without
 * their id. */
async function traceDisk(lane: string, work: () => Promise<unknown>): Promise<string[]> {
  const trace: string[] = [];
  const paths = new WeakMap<Deno.FsFile, string>();
  const tell = (verb: string, ...names: string[]) => {
    const shown = names.map((name) => relative(lane, name).replace(/\.[0-9a-f-]{36}\.part$/, ".part") || ".");
    const line = `${verb} ${shown.join(" -> ")}`;
    // Bytes that go to one file one after another are one step.
    if (trace.at(-1) !== line) trace.push(line);
  };
  const { open, rename, remove } = Deno;
  const { write, sync } = Deno.FsFile.prototype;
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    paths.set(file, `${path}`);
    return file;
  };
  Deno.FsFile.prototype.write = function (bytes) {
    tell("write", paths.get(this)!);
    return write.call(this, bytes);
  };
  Deno.FsFile.prototype.sync = function () {
    tell("sync", paths.get(this)!);
    return sync.call(this);
  };
  Deno.rename = (from, to) => {
    tell("rename", `${from}`, `${to}`);
    return rename(from, to);
  };
  Deno.remove = (path, options) => {
    tell("remove", `${path}`);
    return remove(path, options);
  };
  try {
    await work();
  } finally {
    Object.assign(Deno, { open, rename, remove });
    Object.assign(Deno.FsFile.prototype, { write, sync });
  }
  return trace;
}

const [DAY, GONE] = ["dt=2025-01-01", "dt=2025-01-02"];

/** A lane with one day's unfinished file, and another day's file that is to go. */
async function withLane(use: (lane: string, trace: readonly string[]) => Promise<void> | void): Promise<void> {
  const lane = await Deno.makeTempDir({ prefix: "heretix-durable-" });
  try {
    for (const day of [DAY, GONE]) await Deno.mkdir(join(lane, day));
    db.dropFile("day.parquet");
    db.run("copy (select now() as created_at) to 'memory/day.parquet' (format parquet)");
    const bytes = db.fileBytes("day.parquet").slice();
    const [{ start, end }] = footerOf(bytes).groups;
    const sha256 = createHash("sha256").update(bytes.subarray(start, end)).digest("hex");
    const write = async (path: string) => {
      const file = createDayFile(join(lane, path), {
        metadata: formatMark({ dataset: "checks", redacted: [] }),
        day: { name: "created_at", layout: "timestamp" },
      });
      await file.addChunk({ bytes, sha256 });
      await file.finish();
    };
    await write(`${GONE}/checks.parquet`);
    await use(lane, await traceDisk(lane, () => write(`${DAY}/.checks.parquet.${ID}.part`)));
  } finally {
    await Deno.remove(lane, { recursive: true });
  }
}

const ID = "0c8a1b1e-5f0a-4f0e-9c1e-000000000000";

Deno.test("createDayFile() is through when the file's bytes are on the disk", () =>
  withLane((_, trace) => {
    assert.deepEqual(trace, [`write ${DAY}/.checks.parquet.part`, `sync ${DAY}/.checks.parquet.part`]);
  }));

Deno.test("commit() writes, syncs and renames in an order that a power cut cannot turn", () =>
  withLane(async (lane) => {
    const manifest = emptyManifest("checks", []);
    const renames = [{ from: `${DAY}/.checks.parquet.${ID}.part`, to: `${DAY}/checks.parquet` }];
    const ownership = { dataset: { name: "checks", columns: [], sort: [] }, manifest };
    const trace = await traceDisk(
      lane,
      () => commit(lane, { renames, removals: [`${GONE}/checks.parquet`], manifest, ownership }),
    );
    assert.deepEqual(trace, [
      // Whatever the journal names comes first, then the journal, and only then its steps.
      "write ._manifest.json.part",
      "sync ._manifest.json.part",
      `sync ${DAY}`,
      "sync .",
      "write ._commit.json.part",
      "sync ._commit.json.part",
      "rename ._commit.json.part -> _commit.json",
      "sync .",
      `rename ${DAY}/.checks.parquet.part -> ${DAY}/checks.parquet`,
      `remove ${GONE}/checks.parquet`,
      `sync ${DAY}`,
      `sync ${GONE}`,
      `remove ${GONE}`,
      "rename ._manifest.json.part -> _manifest.json",
      "sync .",
      "remove _commit.json",
      "sync .",
    ]);
  }));
