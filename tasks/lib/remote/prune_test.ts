import assert from "node:assert/strict";
import type { ListedObject } from "../store/store.ts";
import { findPrunable } from "./prune.ts";
import { emptySnapshot, objectKey, type Snapshot } from "./snapshot.ts";

const DAY = "2025-09-01";
const EMPTY = emptySnapshot({ name: "checks", columns: [] }, "5f0c2b34-7f0e-4c55-9d11-0a3f6f6f0f10");
const key = (generation: number, digit = "a") =>
  objectKey("checks", { day: DAY, generation, digest: digit.repeat(16) });
const delta = (generation: number) => `_delta_log/${`${generation - 1}`.padStart(20, "0")}.json`;

/** The third snapshot, at 3000, which replaced an object of the second; that had replaced one of the first at 2000. */
const THREE: Snapshot = {
  ...EMPTY,
  generation: 3,
  writtenMs: 3000,
  objects: { [DAY]: key(3) },
  superseded: [{ key: key(1), sinceMs: 2000 }, { key: key(2), sinceMs: 3000 }],
};

const EVERYTHING = [
  "_manifest.json",
  "_conditions",
  "x",
  ...[1, 2, 3].flatMap((n) => [`_manifests/${n}.json`, delta(n)]),
]
  .concat([1, 2, 3, 4].flatMap((n) => [key(n), key(n, "b")]), "dt=2025-09-01/theirs.parquet");

function prunable(beforeMs: number, { keys = EVERYTHING, modifiedMs = 0 } = {}): string[] {
  const listed = new Map(keys.map((key): [string, ListedObject] => [key, { key, sizeBytes: 1, modifiedMs }]));
  return findPrunable({ dataset: EMPTY.lane.dataset, snapshot: THREE, listed } as never, beforeMs).map(({ key }) =>
    key
  );
}

/** Objects of earlier snapshots that no snapshot ever named. */
const NEVER = [key(1, "b"), key(2, "b"), key(3, "b")];

Deno.test("findPrunable() finds what left the snapshot before a time, and what was never in one", () => {
  assert.deepEqual(prunable(2000, { modifiedMs: 2000 }).sort(), NEVER);
  assert.deepEqual(prunable(2001, { modifiedMs: 2001 }).sort(), [key(1), ...NEVER].sort());
  assert.deepEqual(prunable(3001, { modifiedMs: 3001 }).sort(), [key(1), key(2), ...NEVER].sort());
});

Deno.test("findPrunable() finds old copies of snapshots, but for those that a Delta commit may need", () => {
  assert.deepEqual(prunable(1, { modifiedMs: 0 }).filter((key) => key.startsWith("_")), ["_manifests/1.json"]);
  assert.deepEqual(prunable(1, { modifiedMs: 1 }).filter((key) => key.startsWith("_")), []);
});

Deno.test("findPrunable() leaves readers what they see by a Delta log that is behind", () => {
  const keys = EVERYTHING.filter((key) => key !== delta(3));
  assert.deepEqual(prunable(9000, { keys, modifiedMs: 9000 }).sort(), [key(1), ...NEVER].sort());
});
