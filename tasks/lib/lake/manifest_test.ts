import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { emptyManifest, formatManifest, type Manifest, type ManifestDay, parseManifest, rowsOf } from "./manifest.ts";

const SHA = "0".repeat(64);
const FILE = { file: "checks.parquet", sizeBytes: 100, sha256: SHA };

const DAY: ManifestDay = {
  files: [FILE],
  rows: { postgres: 5, sqlite: 0 },
  firstMicros: "-62135596800000000",
  lastMicros: "253402300799999999",
  schema: "abc",
  fingerprints: { postgres: "identity/1" },
  digests: { postgres: SHA },
  keys: { "sqlite:/a": "1-ab" },
  skipped: {},
};
const EMPTY = emptyManifest("checks", columnsOf({ id: "uuid", seed: "numeric(20,0)" }));
const FULL: Manifest = {
  ...EMPTY,
  source: "postgres 7/heretix",
  state: { id: "postgres 7/heretix", start: "2025-01-01", timeline: "00000001", position: "0/16" },
  days: { "2025-01-02": DAY, "2025-01-01": DAY },
};

const parse = (value: unknown) => parseManifest("m", JSON.stringify(value), "checks");

Deno.test("emptyManifest() names the columns and their types", () => {
  assert.deepEqual(EMPTY, {
    format: 2,
    dataset: "checks",
    columns: [["id", "VARCHAR"], ["seed", "DECIMAL(20,0)"]],
    redacted: [],
    source: null,
    state: null,
    days: {},
  });
});

Deno.test("formatManifest() gives what parseManifest() reads", () => {
  for (const manifest of [EMPTY, FULL]) {
    assert.deepEqual(parseManifest("m", formatManifest(manifest), "checks"), manifest);
  }
});

Deno.test("formatManifest() gives one text for one manifest, whatever the order of its days", () => {
  const turned = { ...FULL, days: Object.fromEntries(Object.entries(FULL.days).toReversed()) };
  assert.equal(formatManifest(turned), formatManifest(FULL));
});

Deno.test("parseManifest() refuses a text that is cut anywhere", () => {
  const text = formatManifest(FULL).trimEnd();
  for (let size = 0; size < text.length; size++) {
    assert.throws(() => parseManifest("lane/_manifest.json", text.slice(0, size), "checks"), {
      name: "TaskError",
      message: 'Cannot read manifest "lane/_manifest.json": it is not JSON; remove it and export again',
    });
  }
});

Deno.test("parseManifest() refuses another format, and another dataset", () => {
  for (const other of [null, [], "text", 7, {}, { ...FULL, format: 3 }, { ...FULL, format: "2" }]) {
    assert.throws(() => parse(other), {
      name: "TaskError",
      message: 'Cannot read manifest "m": it is not of format 2; export to another directory',
    });
  }
  assert.throws(() => parseManifest("m", formatManifest(FULL), "requests"), {
    message: 'Cannot read manifest "m": it is that of another dataset, not of requests; export to another directory',
  });
});

const DAMAGED = { name: "TaskError", message: 'Cannot read manifest "m": it is damaged; remove it and export again' };

Deno.test("parseManifest() refuses a manifest in which any member is missing or of another kind", () => {
  const others = [undefined, null, [], {}, "", "x", 7, -1, 1.5, true, [null], { a: null }, { a: {} }];
  const at = (path: readonly (string | number)[], value: unknown) => {
    const copy = JSON.parse(JSON.stringify(FULL));
    const last = path.at(-1)!;
    const owner = path.slice(0, -1).reduce((place, key) => place[key], copy);
    if (value === undefined) delete owner[last];
    else owner[last] = value;
    return copy;
  };
  const day = ["days", "2025-01-01"];
  const takes: readonly (readonly [path: readonly (string | number)[], fine: readonly unknown[]])[] = [
    [["columns"], [[]]],
    [["redacted"], [[]]],
    [["source"], [null, "", "x"]],
    [["state"], [null]],
    [["days"], [{}]],
    [day, [undefined]],
    [[...day, "files"], []],
    [[...day, "files", 0], []],
    [[...day, "files", 0, "file"], []],
    [[...day, "files", 0, "sizeBytes"], [7]],
    [[...day, "files", 0, "sha256"], []],
    [[...day, "rows"], [{}]],
    [[...day, "firstMicros"], []],
    [[...day, "lastMicros"], []],
    [[...day, "schema"], ["", "x"]],
    [[...day, "fingerprints"], [{}]],
    [[...day, "digests"], [{}]],
    [[...day, "keys"], [{}]],
    [[...day, "skipped"], [{}]],
  ];
  for (const [path, fine] of takes) {
    for (const other of others) {
      const isFine = fine.some((value) => JSON.stringify(value) === JSON.stringify(other));
      if (isFine) assert.ok(parse(at(path, other)), path.join());
      else assert.throws(() => parse(at(path, other)), DAMAGED, `${path.join()} ${JSON.stringify(other)}`);
    }
  }
});

Deno.test("parseManifest() takes no file that an export does not write", () => {
  const names = [
    "../../outside.parquet",
    "checks-1.parquet",
    "checks-0.parquet",
    "Checks.parquet",
    "checks.parquet.bak",
  ];
  for (const file of names) {
    const days = { "2025-01-01": { ...DAY, files: [{ ...FILE, file }] } };
    assert.throws(() => parse({ ...FULL, days }), DAMAGED, file);
  }
  for (const day of ["today", "../2025-01-01", "2025-02-30"]) {
    assert.throws(() => parse({ ...FULL, days: { [day]: DAY } }), DAMAGED, day);
  }
});

/** A day as format 1 had it: two files, each with rows and bounds of its own. */
const FIRST_DAY = {
  fingerprints: { postgres: "identity/1" },
  schema: "abc",
  skipped: { sqlite: 1 },
  parts: [
    { ...FILE, rows: { postgres: 3, sqlite: 1 }, minCreatedAt: "20", maxCreatedAt: "100" },
    { ...FILE, file: "checks-2.parquet", rows: { postgres: 2 }, minCreatedAt: "-7", maxCreatedAt: "30" },
  ],
};

Deno.test("parseManifest() reads format 1: rows and bounds of a day's files together, no digests, no source", () => {
  const { source: _source, state: _state, ...first } = FULL;
  const manifest = parse({ ...first, format: 1, redacted: ["claim"], days: { "2025-01-01": FIRST_DAY } });
  assert.deepEqual(manifest, {
    ...EMPTY,
    redacted: ["claim"],
    days: {
      "2025-01-01": {
        files: [FILE, { ...FILE, file: "checks-2.parquet" }],
        rows: { postgres: 5, sqlite: 1 },
        firstMicros: "-7",
        lastMicros: "100",
        schema: "",
        fingerprints: { postgres: "identity/1" },
        digests: {},
        keys: {},
        skipped: { sqlite: 1 },
      },
    },
  });
});

Deno.test("parseManifest() refuses a damaged manifest of format 1", () => {
  const days = [
    undefined,
    null,
    [],
    { "2025-01-01": null },
    { "2025-01-01": { ...FIRST_DAY, parts: undefined } },
    { "2025-01-01": { ...FIRST_DAY, parts: {} } },
    { "2025-01-01": { ...FIRST_DAY, parts: [] } },
    { "2025-01-01": { ...FIRST_DAY, parts: [null] } },
    { "2025-01-01": { ...FIRST_DAY, parts: [{ ...FIRST_DAY.parts[0], rows: null }] } },
    { "2025-01-01": { ...FIRST_DAY, parts: [{ ...FIRST_DAY.parts[0], rows: { postgres: "3" } }] } },
    { "2025-01-01": { ...FIRST_DAY, parts: [{ ...FIRST_DAY.parts[0], minCreatedAt: "soon" }] } },
    { "2025-01-01": { ...FIRST_DAY, parts: [{ ...FIRST_DAY.parts[0], file: "../checks.parquet" }] } },
  ];
  for (const value of days) assert.throws(() => parse({ ...FULL, format: 1, days: value }), DAMAGED);
});

Deno.test("rowsOf() is 0 for a day or a kind that is not there", () => {
  assert.deepEqual([rowsOf(DAY, "postgres"), rowsOf(DAY, "other"), rowsOf(undefined, "postgres")], [5, 0, 0]);
});
