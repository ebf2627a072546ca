import assert from "node:assert/strict";
import { emptyManifest, type ManifestDay } from "../lake/manifest.ts";
import {
  emptySnapshot,
  formatSnapshot,
  nextSnapshot,
  objectKey,
  parseObjectKey,
  parseSnapshot,
  type Snapshot,
} from "./snapshot.ts";

const TABLE = "5f0c2b34-7f0e-4c55-9d11-0a3f6f6f0f10";
const DATASET = { name: "checks", columns: [] };
const FIRST = "a".repeat(64);
const SECOND = "b".repeat(64);

function day(sha256: string): ManifestDay {
  return {
    files: [{ file: "checks.parquet", sizeBytes: 10, sha256 }],
    rows: { postgres: 1 },
    firstMicros: "1",
    lastMicros: "1",
    schema: "s",
    fingerprints: {},
    digests: {},
    keys: {},
    skipped: {},
  };
}

function after(before: Snapshot, days: Readonly<Record<string, ManifestDay>>, written: readonly string[]): Snapshot {
  const there = new Set([...Object.values(before.objects), ...before.superseded.map(({ key }) => key)]);
  const lane = { ...emptyManifest("checks", []), days };
  return nextSnapshot(before, { lane, written, there, writtenMs: 1000 * (before.generation + 1) });
}

const one = after(emptySnapshot(DATASET, TABLE), { "2025-09-01": day(FIRST), "2025-09-02": day(FIRST) }, [
  "2025-09-01",
  "2025-09-02",
]);

Deno.test("objectKey() and parseObjectKey() are each other's inverse, and nothing else is a key", () => {
  const key = objectKey("checks", { day: "2025-09-01", generation: 12, digest: FIRST });
  assert.equal(key, "dt=2025-09-01/checks-g12-aaaaaaaaaaaaaaaa.parquet");
  assert.deepEqual(parseObjectKey("checks", key), { day: "2025-09-01", generation: 12, digest: "a".repeat(16) });
  for (const other of ["requests", "check"]) assert.equal(parseObjectKey(other, key), undefined);
  for (const bad of [key.replace("g12", "g0"), key.replace("dt=", "dt"), `x/${key}`, "dt=2025-09-01/checks.parquet"]) {
    assert.equal(parseObjectKey("checks", bad), undefined, bad);
  }
});

Deno.test("nextSnapshot() names new objects by their generation and keeps the others", () => {
  const two = after(one, { "2025-09-01": day(FIRST), "2025-09-02": day(SECOND) }, ["2025-09-02"]);
  assert.equal(two.generation, 2);
  assert.deepEqual(two.objects, {
    "2025-09-01": "dt=2025-09-01/checks-g1-aaaaaaaaaaaaaaaa.parquet",
    "2025-09-02": "dt=2025-09-02/checks-g2-bbbbbbbbbbbbbbbb.parquet",
  });
  assert.deepEqual(two.superseded, [{ key: "dt=2025-09-02/checks-g1-aaaaaaaaaaaaaaaa.parquet", sinceMs: 2000 }]);
});

Deno.test("nextSnapshot() gives a day that is written again with the same bytes a new object", () => {
  const two = after(one, one.lane.days, ["2025-09-01"]);
  assert.equal(two.objects["2025-09-01"], "dt=2025-09-01/checks-g2-aaaaaaaaaaaaaaaa.parquet");
});

Deno.test("nextSnapshot() remembers superseded objects, since when, for as long as they are there", () => {
  const two = after(one, { "2025-09-01": day(FIRST) }, []);
  const three = after(two, { "2025-09-01": day(SECOND) }, ["2025-09-01"]);
  assert.deepEqual(three.superseded.map(({ sinceMs }) => sinceMs), [2000, 3000]);
  const there = new Set(Object.values(three.objects));
  const four = nextSnapshot(three, { lane: three.lane, written: [], there, writtenMs: 4000 });
  assert.deepEqual(four.superseded, []);
});

Deno.test("parseSnapshot() gives what formatSnapshot() was given", () => {
  const two = after(one, { "2025-09-01": day(SECOND) }, ["2025-09-01"]);
  assert.deepEqual(parseSnapshot("x", formatSnapshot(two), "checks"), two);
});

Deno.test("parseSnapshot() refuses what no export can have written", () => {
  const { objects, lane } = one;
  const [first, second] = Object.values(objects);
  const bad: Record<string, unknown> = {
    "another format": { format: 2 },
    "generation 0": { generation: 0 },
    "no table": { table: "x" },
    "an object of a later generation": {
      generation: 1,
      objects: { ...objects, "2025-09-01": first.replace("g1", "g2") },
    },
    "an object of another day": { objects: { "2025-09-01": second, "2025-09-02": first } },
    "an object of other bytes": {
      objects: { ...objects, "2025-09-01": first.replaceAll("a-", "b-").replace(/a{16}/, "b".repeat(16)) },
    },
    "a day without an object": { objects: { "2025-09-01": first } },
    "an object without a day": { lane: { ...lane, days: { "2025-09-01": lane.days["2025-09-01"] } } },
    "a path that leads out": { objects: { ...objects, "2025-09-01": "../x.parquet" } },
    "superseded text": { superseded: "x" },
    "a superseded key that is none": { superseded: [{ key: "_manifest.json", sinceMs: 1 }] },
    "superseded without a time": { superseded: [{ key: first }] },
    "a damaged lane": { lane: { ...lane, days: 1 } },
    "another dataset": { lane: { ...lane, dataset: "requests" } },
    "no lane": { lane: undefined },
  };
  const text = JSON.parse(formatSnapshot(one));
  assert.doesNotThrow(() => parseSnapshot("x", JSON.stringify(text), "checks"));
  for (const [name, change] of Object.entries(bad)) {
    assert.throws(
      () => parseSnapshot("x", JSON.stringify({ ...text, ...change as object }), "checks"),
      /Cannot read snapshot "x": .*_manifests/,
      name,
    );
  }
  for (const broken of ["", "{", "null", "[]", "1"]) {
    assert.throws(() => parseSnapshot("x", broken, "checks"), /Cannot read snapshot "x"/, broken);
  }
});
