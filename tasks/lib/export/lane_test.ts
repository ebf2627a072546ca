import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import { createBlockPool } from "../copy/block_pool.ts";
import { fieldOrder } from "../dataset/dataset.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { exportLane, type ExportOptions } from "./lane.ts";
import { emptyManifest } from "../lake/manifest.ts";
import { placeOnDisk } from "../lake/place.ts";
import type { Source, SourceKind } from "../dataset/source.ts";
import { createTupleWriter } from "../copy/encode.ts";

// The engine's first start in a process leaves a message port open: it is made here, outside of any test.
(await openDuckDb())[Symbol.dispose]();

const FIELDS = fieldOrder(CHECKS);
const DAY = "2025-09-01";

/** A source that promises so many rows of a day, and gives so many. */
function sourceOf(kind: SourceKind, promised: number, given: number): Source {
  const values: Readonly<Record<string, unknown>> = {
    created_at: 1_756_684_800_000_000n,
    source: new TextEncoder().encode(kind),
    run_id: new TextEncoder().encode("run"),
  };
  return {
    kind,
    key: kind,
    identity: "one",
    partial: false,
    days: new Map([[DAY, { rows: promised, fingerprint: "1" }]]),
    supersedes: [],
    async *blocks(days) {
      if (days.length === 0) return;
      const writer = createTupleWriter(FIELDS);
      for (let n = 0; n < given; n++) writer.append(FIELDS.map(({ name }) => (values[name] ?? null) as null));
      yield { day: DAY, tuples: writer.take(), rows: given };
    },
  };
}

async function withOptions(use: (options: ExportOptions) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-lane-" });
  const manifest = emptyManifest("checks", CHECKS.columns);
  const ignore = () => {};
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
      blocks: createBlockPool(),
      verify: false,
      signal: new AbortController().signal,
      events: { note: ignore, damage: ignore, badRow: ignore, progress: ignore },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("exportLane() replaces nothing where a source gives other rows than it has promised", () =>
  withOptions(async (options) => {
    for (const [kind, promised, given] of [["postgres", 3, 2], ["postgres", 2, 3], ["sqlite", 3, 2]] as const) {
      await assert.rejects(exportLane([sourceOf(kind, promised, given)], options), {
        name: "TaskError",
        exitCode: 1,
        message:
          `Cannot export day "${DAY}": ${given} of its ${promised} rows of ${kind} were staged, nothing was replaced; run the export again with --verify`,
      });
      assert.deepEqual(await Array.fromAsync(Deno.readDir(options.place.directory)), []);
    }
    const { rows } = await exportLane([sourceOf("postgres", 3, 3), sourceOf("sqlite", 2, 2)], options);
    assert.equal(rows, 5);
  }));
