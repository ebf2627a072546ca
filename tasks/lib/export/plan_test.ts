import assert from "node:assert/strict";
import { markOf, planExport, type PlanInput, settleRereads } from "./plan.ts";
import { emptyManifest, type Manifest, type ManifestDay, type ManifestFile } from "../lake/manifest.ts";
import type { Source } from "../dataset/source.ts";

type PlanSource = PlanInput["sources"][number];

/** A source whose days have this many rows each, and a fingerprint that tells them. */
function source(
  kind: Source["kind"],
  days: Readonly<Record<string, number>>,
  more: Partial<PlanSource> = {},
): PlanSource {
  const map = new Map(Object.entries(days).map(([day, rows]) => [day, { rows, fingerprint: `${rows}` }]));
  return {
    kind,
    key: kind === "sqlite" ? "sqlite:/a" : "postgres",
    identity: "one",
    partial: false,
    days: map,
    ...more,
  };
}

const FILE: ManifestFile = { file: "checks.parquet", sizeBytes: 1, sha256: "" };

function day(rows: Readonly<Record<string, number>>, more: Partial<ManifestDay> = {}): ManifestDay {
  const digests = { postgres: "as read" };
  const bounds = { firstMicros: "0", lastMicros: "0" };
  return { files: [FILE], rows, ...bounds, schema: "s", fingerprints: {}, digests, keys: {}, skipped: {}, ...more };
}

/** A day as Postgres has left it. */
const ofPostgres = (rows: number, more: Partial<ManifestDay> = {}) =>
  day({ postgres: rows }, { fingerprints: { postgres: `one/${rows}` }, ...more });

function manifest(days: Readonly<Record<string, ManifestDay>>): Manifest {
  return { ...emptyManifest("checks", []), days };
}

function plan(input: Partial<PlanInput>) {
  const defaults: PlanInput = {
    lane: "local",
    manifest: manifest({}),
    sources: [],
    schema: "s",
    damaged: new Set(),
    unknownFiles: new Map(),
    range: {},
    reread: false,
    allowShrink: false,
    skipBadRows: false,
  };
  return planExport({ ...defaults, ...input });
}

function reasons(input: Partial<PlanInput>): string[] {
  return plan(input).writes.map(({ day, reason }) => `${day} ${reason}`);
}

const A = "2025-01-01";
const B = "2025-01-02";
const C = "2025-01-03";

const WRITE = { kinds: ["postgres"], kept: [], isCurrent: true };

Deno.test("planExport() of nothing is nothing", () => {
  const nothing = { writes: [], rereads: [], unchanged: 0, unknownFiles: new Map() };
  assert.deepEqual(plan({}), nothing);
  assert.deepEqual(plan({ sources: [source("postgres", {})] }), nothing);
});

Deno.test("planExport() leaves days alone whose fingerprint is the manifest's", () => {
  const input = {
    manifest: manifest({ [A]: ofPostgres(3), [B]: ofPostgres(4) }),
    sources: [source("postgres", { [A]: 3, [B]: 4 })],
  };
  assert.deepEqual(plan(input), { writes: [], rereads: [], unchanged: 2, unknownFiles: new Map() });
});

Deno.test("planExport() writes new, changed and vanished days, ascending", () => {
  const { writes, unchanged } = plan({
    manifest: manifest({ [C]: ofPostgres(2), [B]: ofPostgres(3), "2025-01-09": ofPostgres(1) }),
    sources: [source("postgres", { [C]: 2, [B]: 4, [A]: 5 })],
  });
  assert.deepEqual(writes, [
    { ...WRITE, day: A, reason: "new", rows: { postgres: 5, sqlite: 0 }, isCurrent: false },
    { ...WRITE, day: B, reason: "changed", rows: { postgres: 4, sqlite: 0 } },
    { ...WRITE, day: "2025-01-09", reason: "vanished", rows: { postgres: 0, sqlite: 0 } },
  ]);
  assert.equal(unchanged, 1);
});

Deno.test("planExport() writes days of another schema, or with left-out rows", () => {
  const sources = [source("postgres", { [A]: 3 })];
  const withDay = (held: ManifestDay) => ({ manifest: manifest({ [A]: held }), sources });
  assert.deepEqual(reasons(withDay(ofPostgres(3, { schema: "old" }))), [`${A} schema`]);
  assert.deepEqual(reasons(withDay(ofPostgres(3, { fingerprints: {} }))), [`${A} new`]);
  const skipped = withDay(ofPostgres(3, { skipped: { postgres: 1 } }));
  assert.deepEqual(reasons(skipped), [`${A} skipped`]);
  assert.deepEqual(reasons({ ...skipped, skipBadRows: true }), []);
});

Deno.test("planExport() reads days first whose fingerprints say nothing, and writes those without a digest", () => {
  const sources = [source("postgres", { [A]: 3 })];
  const reading = (held: ManifestDay, more: Partial<PlanInput> = {}) => {
    const { writes, rereads } = plan({ manifest: manifest({ [A]: held }), sources, ...more });
    return [writes.map(({ reason }) => reason), rereads.map(({ day }) => day)];
  };
  assert.deepEqual(reading(ofPostgres(3)), [[], []]);
  assert.deepEqual(reading(ofPostgres(3), { reread: true }), [[], [A]]);
  assert.deepEqual(reading(ofPostgres(3, { digests: {} }), { reread: true }), [["source"], []]);
  assert.deepEqual(reading(ofPostgres(3, { fingerprints: { postgres: "two/3" } })), [[], [A]]);
  // An identity is not taken for one that starts with it.
  assert.deepEqual(reading(ofPostgres(3, { fingerprints: { postgres: "one1/3" } })), [[], [A]]);
  assert.deepEqual(reading(ofPostgres(3, { schema: "old" }), { reread: true }), [["schema"], []]);
  const sqlite = [source("sqlite", { [A]: 1 })];
  const held = day({ sqlite: 1 }, { fingerprints: { "sqlite:/a": "one/1" } });
  assert.deepEqual(reading(held, { reread: true, sources: sqlite }), [[], []]);
});

Deno.test("settleRereads() writes the days that were read and differ, in order", () => {
  const held = manifest({ [A]: ofPostgres(3), [B]: ofPostgres(3), [C]: ofPostgres(2) });
  const planned = plan({ manifest: held, reread: true, sources: [source("postgres", { [A]: 3, [B]: 3, [C]: 2 })] });
  const digests = new Map([[A, "as read"], [B, "otherwise"], [C, "as read"]]);
  const { writes, rereads, unchanged } = settleRereads(planned, held, digests);
  assert.deepEqual(writes, [{ ...WRITE, day: B, reason: "changed", rows: { postgres: 3, sqlite: 0 } }]);
  assert.deepEqual([rereads.map(({ day }) => day), unchanged], [[A, C], 2]);
  assert.equal(settleRereads(planned, held, new Map()).writes.length, 3, "a day that was not read is not the same");
});

Deno.test("planExport() writes the days of a partial source, and no other", () => {
  const held = day({ sqlite: 1 }, { fingerprints: { "sqlite:/a": "one/1" } });
  const sources = [source("sqlite", { [B]: 1 }, { partial: true })];
  assert.deepEqual(reasons({ manifest: manifest({ [A]: held, [B]: held }), sources }), [`${B} run`]);
});

Deno.test("planExport() does not miss days of a SQLite file that is not in this run", () => {
  const held = day({ sqlite: 1 }, { fingerprints: { "sqlite:/b": "one/1" } });
  assert.deepEqual(reasons({ manifest: manifest({ [A]: held }), sources: [source("sqlite", {})] }), []);
});

Deno.test("planExport() looks at days within the range alone", () => {
  const days = Object.fromEntries([A, B, C].map((name) => [name, ofPostgres(3)]));
  const input = { manifest: manifest(days), sources: [source("postgres", { [B]: 4 })] };
  assert.deepEqual(reasons({ ...input, range: { since: B, until: B } }), [`${B} changed`]);
  assert.deepEqual(reasons({ ...input, range: { since: B }, allowShrink: true }), [`${B} changed`, `${C} vanished`]);
  assert.equal(plan({ ...input, range: { since: B, until: B } }).unchanged, 0);
});

Deno.test("planExport() reads the kinds that have changed alone, and keeps files with rows of the others", () => {
  const marks = { fingerprints: { postgres: "one/2", "sqlite:/a": "one/1" } };
  const kept = (rows: Readonly<Record<string, number>>, sources: readonly PlanSource[], more = {}) => {
    const held = manifest({ [A]: day(rows, { ...marks, ...more }) });
    const [{ kinds, kept, isCurrent }] = plan({ manifest: held, sources, allowShrink: true }).writes;
    return [kinds.join(), kept.length, isCurrent];
  };
  const [same, other] = [source("sqlite", { [A]: 1 }), source("sqlite", { [A]: 2 })];
  const both = { postgres: 2, sqlite: 1 };
  assert.deepEqual(kept(both, [other]), ["sqlite", 1, true]);
  assert.deepEqual(kept(both, [source("postgres", { [A]: 3 })]), ["postgres", 1, true]);
  assert.deepEqual(kept(both, [source("postgres", { [A]: 3 }), same]), ["postgres", 1, true]);
  assert.deepEqual(kept(both, [source("postgres", { [A]: 2 }), other]), ["sqlite", 1, true]);
  assert.deepEqual(kept({ postgres: 2 }, [source("postgres", { [A]: 3 })]), ["postgres", 0, true]);
  assert.deepEqual(kept({ sqlite: 2 }, [other]), ["sqlite", 1, true]);
  const all = [source("postgres", { [A]: 2 }), same];
  assert.deepEqual(kept(both, all, { schema: "old" }), ["postgres,sqlite", 1, false]);
});

Deno.test("planExport() writes a damaged day anew from all the sources that it held", () => {
  const damaged = new Set([A]);
  const ours = { manifest: manifest({ [A]: ofPostgres(3) }), damaged, sources: [source("postgres", { [A]: 3 })] };
  assert.deepEqual(plan(ours).writes, [{
    ...WRITE,
    day: A,
    reason: "damaged",
    rows: { postgres: 3, sqlite: 0 },
    isCurrent: false,
  }]);
  const unknown = { damaged, sources: [source("postgres", {})] };
  assert.deepEqual(plan(unknown).writes.map(({ day, reason }) => `${day} ${reason}`), [`${A} damaged`]);
});

Deno.test("planExport() refuses a damaged day that held rows of a source that is not in this run", () => {
  const damaged = new Set([A]);
  const held = manifest({ [A]: day({ postgres: 3, sqlite: 2 }) });
  const [postgres, sqlite] = [source("postgres", { [A]: 3 }), source("sqlite", { [A]: 2 })];
  const finding = (rows: number, kind: string, now: number) => ({
    exitCode: 1,
    message: `Cannot export day "${A}" of lane "local": its files are damaged and held ${rows} rows of ${kind}, ` +
      `of which this run has ${now}; export --from all with every SQLite file named`,
  });
  assert.throws(() => plan({ manifest: held, damaged, sources: [postgres] }), finding(2, "sqlite", 0));
  assert.throws(() => plan({ manifest: held, damaged, sources: [sqlite] }), finding(3, "postgres", 0));
  const fewer = source("sqlite", { [A]: 1 });
  assert.throws(() => plan({ manifest: held, damaged, sources: [postgres, fewer] }), finding(2, "sqlite", 1));
  assert.equal(plan({ manifest: held, damaged, sources: [postgres, sqlite] }).writes.length, 1);
  const two = [source("sqlite", { [A]: 1 }), source("sqlite", { [A]: 1 }, { key: "sqlite:/b" })];
  assert.equal(plan({ manifest: held, damaged, sources: [postgres, ...two] }).writes.length, 1);
  assert.equal(plan({ manifest: held, damaged, sources: [postgres, fewer], allowShrink: true }).writes.length, 1);
});

for (
  const [name, days, refused] of [
    ["all rows", {}, true],
    ["more than half of the rows", { [A]: 10, [B]: 9 }, true],
    ["more than half of the days", { [A]: 40 }, true],
    ["half of both", { [A]: 10, [B]: 10 }, false],
    ["nothing", { [A]: 10, [B]: 10, [C]: 10, "2025-01-04": 10 }, false],
  ] as const
) {
  Deno.test(`planExport() ${refused ? "refuses" : "takes"} a Postgres that has lost ${name}`, () => {
    const held = manifest(Object.fromEntries([A, B, C, "2025-01-04"].map((name) => [name, ofPostgres(10)])));
    const input = { manifest: held, sources: [source("postgres", days)] };
    if (!refused) return assert.ok(plan(input));
    assert.throws(() => plan(input), {
      exitCode: 3,
      message: /the lane 40 on 4; if that is right, add --allow-shrink$/,
    });
    assert.ok(plan({ ...input, allowShrink: true }));
  });
}

Deno.test("planExport() measures shrinking within the range", () => {
  const held = manifest({ [A]: ofPostgres(100), [B]: ofPostgres(10), [C]: ofPostgres(10) });
  const range = { since: B };
  assert.ok(plan({ manifest: held, range, sources: [source("postgres", { [B]: 10 })] }));
  assert.throws(() => plan({ manifest: held, range, sources: [source("postgres", { [B]: 9 })] }), { exitCode: 3 });
});

Deno.test("planExport() never refuses SQLite files that hold less than the lane", () => {
  const held = manifest({ [A]: day({ sqlite: 10 }, { fingerprints: { "sqlite:/a": "one/10" } }) });
  const [{ reason, kept }] = plan({ manifest: held, sources: [source("sqlite", {})] }).writes;
  assert.deepEqual([reason, kept], ["vanished", [FILE]]);
});

Deno.test("markOf() joins identity and fingerprint, and is undefined for a day without rows", () => {
  assert.equal(markOf(source("postgres", { [A]: 3 }), A), "one/3");
  assert.equal(markOf(source("postgres", { [A]: 3 }), B), undefined);
});
