import assert from "node:assert/strict";
import { columnsOf } from "../testing/columns.ts";
import { emptyManifest, formatManifest, type Manifest, type ManifestDay, parseManifest, rowsOf } from "./manifest.ts";

const DAY: ManifestDay = {
  fingerprints: { postgres: "identity/1" },
  schema: "abc",
  skipped: {},
  parts: [
    {
      file: "checks.parquet",
      rows: { postgres: 3, sqlite: 0 },
      sizeBytes: 100,
      sha256: "00",
      minCreatedAt: "-62135596800000000",
      maxCreatedAt: "253402300799999999",
    },
    {
      file: "checks-2.parquet",
      rows: { postgres: 2 },
      sizeBytes: 1,
      sha256: "01",
      minCreatedAt: "0",
      maxCreatedAt: "0",
    },
  ],
};
const EMPTY = emptyManifest("checks", columnsOf({ id: "uuid", seed: "numeric(20,0)" }));
const FULL: Manifest = { ...EMPTY, days: { "2025-01-02": DAY, "2025-01-01": DAY } };

Deno.test("emptyManifest() names the columns and their types", () => {
  assert.deepEqual(EMPTY, {
    format: 1,
    dataset: "checks",
    columns: [["id", "VARCHAR"], ["seed", "DECIMAL(20,0)"]],
    redacted: [],
    days: {},
  });
});

Deno.test("formatManifest() gives what parseManifest() reads", () => {
  for (const manifest of [EMPTY, FULL]) assert.deepEqual(parseManifest("m", formatManifest(manifest)), manifest);
});

Deno.test("formatManifest() gives one text for one manifest, whatever the order of its days", () => {
  const turned = { ...FULL, days: Object.fromEntries(Object.entries(FULL.days).toReversed()) };
  assert.equal(formatManifest(turned), formatManifest(FULL));
});

Deno.test("parseManifest() refuses a text that is cut anywhere", () => {
  const text = formatManifest(FULL).trimEnd();
  for (let size = 0; size < text.length; size++) {
    assert.throws(() => parseManifest("lane/_manifest.json", text.slice(0, size)), {
      name: "TaskError",
      message: 'Cannot read manifest "lane/_manifest.json": it is not JSON; remove it and export with --full',
    });
  }
});

Deno.test("parseManifest() refuses another format", () => {
  const others = [
    null,
    [],
    "text",
    {},
    { ...FULL, format: 2 },
  ];
  for (const other of others) {
    assert.throws(() => parseManifest("m", JSON.stringify(other)), {
      name: "TaskError",
      message: 'Cannot read manifest "m": it is not of format 1; export to another directory',
    });
  }
});

Deno.test("parseManifest() refuses a manifest in which something is missing", () => {
  const [part] = DAY.parts;
  const days = [
    { today: DAY },
    { "../2025-01-01": DAY },
    { "2025-01-01": null },
    { "2025-01-01": { ...DAY, fingerprints: undefined } },
    { "2025-01-01": { ...DAY, skipped: [] } },
    { "2025-01-01": { ...DAY, parts: [null] } },
    { "2025-01-01": { ...DAY, parts: [{ ...part, file: "../../outside.parquet" }] } },
    { "2025-01-01": { ...DAY, parts: [{ ...part, rows: 5 }] } },
    { "2025-01-01": { ...DAY, parts: [{ ...part, sizeBytes: "1" }] } },
    { "2025-01-01": { ...DAY, parts: [{ ...part, sha256: undefined }] } },
    undefined,
    null,
    [],
  ];
  const others = [...days.map((days) => ({ ...FULL, days })), { ...FULL, columns: {} }, { ...FULL, redacted: null }];
  for (const other of others) {
    assert.throws(() => parseManifest("m", JSON.stringify(other)), {
      name: "TaskError",
      message: 'Cannot read manifest "m": it is damaged; remove it and export with --full',
    });
  }
});

Deno.test("rowsOf() adds up the parts of a day", () => {
  assert.deepEqual([rowsOf(DAY, "postgres"), rowsOf(DAY, "sqlite"), rowsOf(undefined, "postgres")], [5, 0, 0]);
});
