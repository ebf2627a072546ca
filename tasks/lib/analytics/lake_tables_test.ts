import assert from "node:assert/strict";
import { sampleRow, writeSampleLake } from "../../../tests/support/sample_lake.ts";
import { type DuckDb, openDuckDb } from "../parquet/duckdb.ts";
import { openLake } from "./lake_tables.ts";

const DAY = "2025-09-01";
const FILE = `local/dt=${DAY}/checks.parquet`;
const CATALOG = await Deno.readTextFile(new URL("../../../analytics/catalog.sql", import.meta.url));

Deno.test("openLake() takes a table with fewer rows than its files for an error, not for an answer", async () => {
  await using lake = await writeSampleLake({ [FILE]: [sampleRow("a", DAY), sampleRow("b", DAY)] });
  using db = await openDuckDb();
  const forget = (sql: string) => {
    db.run(sql);
    if (sql.includes("table checks as")) db.run("delete from checks where run_id = (select min(run_id) from checks)");
  };
  const forgetful = new Proxy<DuckDb>(db, {
    get: (target, name) => name === "run" ? forget : Reflect.get(target, name).bind(target),
  });
  const request = {
    kind: "open",
    code: new WebAssembly.Module(Uint8Array.fromHex("0061736d01000000")),
    catalog: CATALOG,
    files: new Map([["checks", [{ path: `${lake.directory}/${FILE}`, lane: "local", dt: DAY }]]]),
    queries: ["select count(run_id) from checks"],
    maxBytes: 1e9,
  } as const;
  openLake(db, request, () => {});
  assert.throws(() => openLake(forgetful, request, () => {}), { message: "DuckDB read 1 of 2 rows of checks" });
});
