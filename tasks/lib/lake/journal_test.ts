import assert from "node:assert/strict";
import { parseJournal } from "./journal.ts";

const ID = "0c8a1b1e-5f0a-4f0e-9c1e-000000000000";
const DAY = "dt=2025-01-01";
const JOURNAL = {
  renames: [{ from: `${DAY}/.checks.parquet.${ID}.part`, to: `${DAY}/checks.parquet` }],
  removals: ["dt=2025-01-02/checks.parquet", `${DAY}/checks-12.parquet`],
  manifest: `._manifest.json.${ID}.part`,
};

const parse = (value: unknown) => parseJournal("j", JSON.stringify(value), "checks");

Deno.test("parseJournal() reads what a commit writes", () => {
  assert.deepEqual(parse(JOURNAL), JOURNAL);
  assert.deepEqual(parse({ ...JOURNAL, renames: [], removals: [] }), { ...JOURNAL, renames: [], removals: [] });
});

Deno.test("parseJournal() refuses whatever leads out of the lane, or to a file that no export writes", () => {
  const paths = [
    "../../x",
    "/etc/passwd",
    "checks.parquet",
    "_manifest.json",
    ".lock",
    "dt=2025-01-01",
    "dt=2025-01-01/",
    "dt=2025-01-01/..",
    "dt=2025-01-01/../x/checks.parquet",
    "dt=../../../../checks.parquet",
    "dt=2025-13-01/checks.parquet",
    "dt=2025-01-01/notes.parquet",
    "dt=2025-01-01/checks-1.parquet",
    "dt=2025-01-01/.checks.parquet",
    "dt=2025-01-01/checks.parquet\n",
    `dt=2025-01-01/.checks.parquet.${ID}.part`,
    "",
    7,
    null,
    {},
  ];
  const damaged = {
    name: "TaskError",
    message: 'Cannot read journal "j": it is damaged; remove it and export with --verify',
  };
  for (const path of paths) {
    assert.throws(() => parse({ ...JOURNAL, removals: [path] }), damaged, `${path}`);
    assert.throws(() => parse({ ...JOURNAL, renames: [{ ...JOURNAL.renames[0], to: path }] }), damaged, `${path}`);
  }
  const froms = [
    ...paths.filter((path) => !`${path}`.endsWith(".part")),
    `dt=2025-01-02/.checks.parquet.${ID}.part`,
    `${DAY}/.checks-2.parquet.${ID}.part`,
    `${DAY}/checks.parquet.${ID}.part`,
    `${DAY}/.checks.parquet.part`,
  ];
  for (const from of froms) {
    assert.throws(() => parse({ ...JOURNAL, renames: [{ ...JOURNAL.renames[0], from }] }), damaged, `${from}`);
  }
  for (const manifest of ["../x", "_manifest.json", `.other.${ID}.part`, `._manifest.json.${ID}.part/..`, null]) {
    assert.throws(() => parse({ ...JOURNAL, manifest }), damaged, `${manifest}`);
  }
  for (const other of [null, [], {}, 7, "x", { ...JOURNAL, renames: {} }, { ...JOURNAL, removals: null }]) {
    assert.throws(() => parse(other), damaged);
  }
});
