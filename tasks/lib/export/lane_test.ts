import assert from "node:assert/strict";
import { join } from "node:path";
import { CHECKS } from "../../../tests/support/checks.ts";
import { tableOf } from "../../../tests/support/threads.ts";
import { createTupleWriter } from "../copy/encode.ts";
import { fieldOrder } from "../dataset/dataset.ts";
import type { FileSource, Source, SourceKind } from "../dataset/source.ts";
import { emptyManifest } from "../lake/manifest.ts";
import { placeOnDisk } from "../lake/place.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { openWorkers } from "../threads/workers.ts";
import { exportLane, type ExportOptions } from "./lane.ts";

// The engine's first start in a process leaves a message port open: it is made here, outside of any test.
(await openDuckDb())[Symbol.dispose]();

const FIELDS = fieldOrder(CHECKS);
const DAY = "2025-09-01";
const HEADER = Uint8Array.fromHex("5047434f50590aff0d0a000000000000000000");
const TRAILER = Uint8Array.of(0xff, 0xff);

/** A row of the day. */
function tupleOf(kind: SourceKind): Uint8Array<ArrayBuffer> {
  const values: Readonly<Record<string, unknown>> = {
    created_at: 1_756_684_800_000_000n,
    source: new TextEncoder().encode(kind),
    run_id: new TextEncoder().encode("run"),
  };
  const writer = createTupleWriter(FIELDS);
  writer.append(FIELDS.map(({ name }) => (values[name] ?? null) as null));
  return writer.take().slice();
}

/** A table, read over its own session, that promises so many rows of a day and gives so many. */
function tableGiving(promised: number, given: number): Source {
  const messages = [HEADER, ...Array<Uint8Array>(given).fill(tupleOf("postgres")), TRAILER];
  return tableOf([DAY], {
    days: new Map([[DAY, { rows: promised, fingerprint: "1" }]]),
    share: () => Promise.resolve(undefined),
    async read(_sql, take) {
      for (const message of messages) await take(message, 0, message.length);
    },
  });
}

/** A harness file likewise, whose rows are in a file of a directory. */
async function harnessGiving(directory: string, promised: number, given: number): Promise<FileSource> {
  const tuple = tupleOf("sqlite");
  const path = join(directory, `${given}.rows`);
  await Deno.writeFile(path, Uint8Array.from(Array(given).fill([...tuple]).flat()));
  return {
    kind: "sqlite",
    key: "sqlite",
    identity: "one",
    partial: false,
    days: new Map([[DAY, { rows: promised, fingerprint: "1" }]]),
    supersedes: [],
    stored: (days) =>
      Promise.resolve(
        new Map(days.map((day) => [day, {
          path,
          start: 0,
          blocks: [{ sizeBytes: given * tuple.length, rows: given }],
        }])),
      ),
  };
}

async function withOptions(use: (options: ExportOptions, home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "heretix-lane-" });
  const directory = join(home, "local");
  await Deno.mkdir(directory);
  const manifest = emptyManifest("checks", CHECKS.columns);
  const ignore = () => {};
  using workers = openWorkers();
  try {
    await use({
      lane: "local",
      place: placeOnDisk(directory, { dataset: CHECKS, manifest }),
      manifest,
      dataset: CHECKS,
      range: {},
      full: false,
      allowShrink: false,
      newSource: false,
      skipBadRows: false,
      missingOnly: false,
      writer: "duckdb",
      verify: false,
      signal: new AbortController().signal,
      workers,
      events: { note: ignore, damage: ignore, badRow: ignore, progress: ignore },
    }, home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("exportLane() replaces nothing where a source gives other rows than it has promised", () =>
  withOptions(async (options, home) => {
    const sources: [SourceKind, number, number, Source][] = [
      ["postgres", 3, 2, tableGiving(3, 2)],
      ["postgres", 2, 3, tableGiving(2, 3)],
      ["sqlite", 3, 2, await harnessGiving(home, 3, 2)],
    ];
    for (const [kind, promised, given, source] of sources) {
      await assert.rejects(exportLane([source], options), {
        name: "TaskError",
        exitCode: 1,
        message:
          `Cannot export day "${DAY}": ${given} of its ${promised} rows of ${kind} were staged, nothing was replaced; run the export again with --verify`,
      });
      assert.deepEqual(await Array.fromAsync(Deno.readDir(options.place.directory)), []);
    }
    const { rows } = await exportLane([tableGiving(3, 3), await harnessGiving(home, 2, 2)], options);
    assert.equal(rows, 5);
  }));
