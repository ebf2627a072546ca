import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import { emptyManifest } from "../lake/manifest.ts";
import { deltaKey, formatDeltaCommit } from "./delta.ts";
import { emptySnapshot, type Snapshot } from "./snapshot.ts";

const EMPTY = emptySnapshot(CHECKS, "5f0c2b34-7f0e-4c55-9d11-0a3f6f6f0f10");

/** A snapshot with one file a day, by its digest's digit. */
function snapshot(generation: number, days: Readonly<Record<string, string>>, columns = CHECKS.columns): Snapshot {
  const entries = Object.entries(days).map(([day, digit]) => [day, {
    files: [{ file: "checks.parquet", sizeBytes: 10, sha256: digit.repeat(64) }],
    rows: { postgres: 2, sqlite: 1 },
  }]);
  return {
    ...EMPTY,
    generation,
    writtenMs: 1000 * generation,
    lane: { ...emptyManifest("checks", columns), days: Object.fromEntries(entries) },
    objects: Object.fromEntries(Object.entries(days).map(([day, digit]) => [day, `dt=${day}/${digit}.parquet`])),
  };
}

const actionsOf = (now: Snapshot, before: Snapshot) =>
  formatDeltaCommit(now, before).trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("deltaKey() counts versions from 0, in twenty digits", () => {
  assert.equal(deltaKey(1), "_delta_log/00000000000000000000.json");
  assert.equal(deltaKey(12), "_delta_log/00000000000000000011.json");
});

Deno.test("formatDeltaCommit() begins a table with protocol, columns and files", () => {
  const [info, { protocol }, { metaData }, { add }] = actionsOf(snapshot(1, { "2025-09-01": "a" }), EMPTY);
  assert.equal(info.commitInfo.timestamp, 1000);
  assert.deepEqual(protocol, { minReaderVersion: 1, minWriterVersion: 2 });
  assert.equal(metaData.id, EMPTY.table);
  assert.deepEqual(metaData.partitionColumns, ["dt"]);
  const types = new Map(
    JSON.parse(metaData.schemaString).fields.map(({ name, type }: Record<string, string>) => [name, type]),
  );
  assert.equal(types.size, CHECKS.columns.length + 1);
  const wanted = {
    id: "string",
    K: "long",
    seed: "decimal(20,0)",
    created_at: "timestamp",
    was_cached: "boolean",
    dt: "date",
  };
  for (const [name, type] of Object.entries(wanted)) assert.equal(types.get(name), type, name);
  assert.deepEqual(add, {
    path: "dt=2025-09-01/a.parquet",
    partitionValues: { dt: "2025-09-01" },
    size: 10,
    modificationTime: 1000,
    dataChange: true,
    stats: '{"numRecords":3}',
  });
});

Deno.test("formatDeltaCommit() removes and adds what differs, and nothing else", () => {
  const before = snapshot(1, { "2025-09-01": "a", "2025-09-02": "b", "2025-09-03": "c" });
  const actions = actionsOf(snapshot(2, { "2025-09-01": "a", "2025-09-02": "d" }), before);
  const paths = actions.map(({ add, remove }) => add ? `+${add.path}` : remove ? `-${remove.path}` : "");
  assert.deepEqual(paths, ["", "-dt=2025-09-02/b.parquet", "-dt=2025-09-03/c.parquet", "+dt=2025-09-02/d.parquet"]);
});

Deno.test("formatDeltaCommit() tells new columns, and columns of no known type", () => {
  const [before, columns] = [snapshot(1, {}), CHECKS.columns.slice(1)];
  assert.deepEqual(actionsOf(snapshot(2, {}), before).map((action) => Object.keys(action)[0]), ["commitInfo"]);
  const [, { metaData }] = actionsOf(snapshot(2, {}, columns), before);
  assert.equal(JSON.parse(metaData.schemaString).fields.length, columns.length + 1);
  const odd = [{ ...CHECKS.columns[0], duckdbType: "HUGEINT" }];
  assert.throws(() => formatDeltaCommit(snapshot(2, {}, odd), before), /"id" has type HUGEINT/);
});
