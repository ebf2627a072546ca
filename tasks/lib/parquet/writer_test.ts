import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { checksOf } from "../../../tests/support/checks.ts";
import { columnsOf } from "../../../tests/support/columns.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { ChunkWriter } from "./writer.ts";
import { type DuckDb, openDuckDb } from "./duckdb.ts";
import { footerOf } from "./footer.ts";
import { HARNESS_ROW_KEY } from "../sources/harness.ts";
import { createTupleWriter } from "../copy/encode.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const COLUMNS = columnsOf({
  created_at: "timestamptz",
  source: "text",
  run_id: "text",
  execution_id: "text",
  seed: "numeric(20,0)",
});

const OPTIONS = { dataset: checksOf(COLUMNS), rowKey: HARNESS_ROW_KEY };

const START = 1_756_684_800_000_000n;

/** Tuples numbered `from` to `to`, a second apart; those of SQLite have executions, but for every fourth one. */
function tuplesOf(from: number, to: number, source = "postgres"): Uint8Array {
  const writer = createTupleWriter(COLUMNS);
  const text = (value: string) => new TextEncoder().encode(value);
  for (let n = from; n <= to; n++) {
    const execution = source === "sqlite" && n % 4 > 0 ? text(`exec-${n}`) : null;
    writer.append([
      START + BigInt(n) * 1_000_000n,
      text(source),
      text(`run-${n}`),
      execution,
      `${2n ** 64n - BigInt(n)}`,
    ]);
  }
  return writer.take();
}

/** A writer on a new engine's tables, whose calls may be led astray. */
function createWriter(astray: Partial<DuckDb> = {}) {
  db.run("rollback; drop table if exists chunk; drop table if exists superseded");
  return new ChunkWriter({
    run: (sql) => db.run(sql),
    one: (sql) => db.one(sql),
    query: (sql) => db.query(sql),
    describe: (sql) => db.describe(sql),
    insertArrow: (table, sizeBytes, write) => db.insertArrow(table, sizeBytes, write),
    putFile: (name, bytes) => db.putFile(name, bytes),
    putReadable: (name, file) => db.putReadable(name, file),
    fileBytes: (name) => db.fileBytes(name),
    dropFile: (name) => db.dropFile(name),
    [Symbol.dispose]: () => {},
    ...astray,
  }, OPTIONS);
}

/** An engine whose COPY is another one. */
const copying = (from: string, to: string): Partial<DuckDb> => ({
  run(sql) {
    const other = sql.replace(from, to);
    assert.equal(other === sql, !sql.startsWith("copy"), "every COPY is changed, and nothing else");
    db.run(other);
  },
});

const FAULTS: readonly (readonly [name: string, astray: Partial<DuckDb>, finding: RegExp])[] = [
  ["loses a row", copying("from chunk", "from chunk limit 2999"), /^the written rows are not the inserted ones$/],
  ["doubles a row", copying("from chunk", "from chunk union all (from chunk limit 1)"), /^the written rows are not/],
  [
    "changes one value",
    copying("* from", "* replace (case when run_id = 'run-7' then 7 else seed end::decimal(20,0) as seed) from"),
    /^the written rows are not/,
  ],
  [
    "changes one row into another one, and that into it",
    copying(
      "* from",
      "* replace (case run_id when 'run-7' then 'run-8' when 'run-8' then 'run-7' else run_id end as run_id) from",
    ),
    /^the written rows are not/,
  ],
  ["changes a type", copying("* from", "* replace (seed::double as seed) from"), /^the written rows are not/],
  [
    "changes a type alone",
    copying("* from", "* replace (created_at::timestamp as created_at) from"),
    /^the written columns are not the inserted ones$/,
  ],
  ["writes two row groups", copying("row_group_size 1000000000", "row_group_size 1000"), /in more than one row group$/],
  ["is given a row too few", {
    insertArrow(table, sizeBytes, write) {
      db.insertArrow(table, sizeBytes, write);
      db.run("delete from chunk where run_id = 'run-7'");
    },
  }, /^DuckDB holds 2999 of 3000 rows$/],
];

for (const [name, astray, finding] of FAULTS) {
  Deno.test(`finish() refuses a chunk when the engine ${name}`, () => {
    const writer = createWriter(astray);
    writer.addTuples(tuplesOf(1, 3000));
    assert.throws(() => writer.finish(), { message: finding });
  });
}

Deno.test("finish() gives one row group with the rows in order, its digest and its rows by source", async () => {
  const writer = createWriter();
  writer.addTuples(tuplesOf(1, 2));
  writer.addTuples(tuplesOf(3, 5));
  const { rows, bytes, sha256 } = writer.finish()!;
  const [{ start, end }, ...others] = footerOf(bytes).groups;
  assert.deepEqual([rows, others.length], [{ postgres: 5, sqlite: 0 }, 0]);
  assert.equal(sha256, createHash("sha256").update(bytes.subarray(start, end)).digest("hex"));
  const file = await readParquet(bytes);
  assert.deepEqual(file.rows.map(({ run_id }) => run_id), ["run-1", "run-2", "run-3", "run-4", "run-5"]);
  assert.equal(file.rows[4].seed, 2n ** 64n - 5n);
  assert.equal(writer.finish(), undefined);
});

Deno.test("finish() puts rows in order that came out of it: of two sources, or among kept ones", async () => {
  const writer = createWriter();
  const runsOf = async () => (await readParquet(writer.finish()!.bytes)).rows.map(({ run_id }) => run_id);
  writer.addTuples(tuplesOf(3, 4, "sqlite"));
  writer.addTuples(tuplesOf(1, 2, "sqlite"));
  assert.deepEqual(await runsOf(), ["run-1", "run-2", "run-3", "run-4"]);
  writer.addTuples(tuplesOf(2, 3, "sqlite"));
  const kept = writer.finish()!.bytes.slice();
  writer.addTuples(tuplesOf(4, 4, "sqlite"));
  writer.addKept(kept, "sqlite");
  writer.addTuples(tuplesOf(1, 1, "sqlite"));
  assert.deepEqual(await runsOf(), ["run-1", "run-2", "run-3", "run-4"]);
  writer.addKept(kept, "sqlite");
  writer.addTuples(tuplesOf(1, 1, "sqlite"));
  assert.deepEqual(await runsOf(), ["run-1", "run-2", "run-3"]);
});

Deno.test("addKept() takes the rows of one source, but for those that were superseded", async () => {
  const writer = createWriter();
  writer.addTuples(tuplesOf(1, 4, "sqlite"));
  writer.addTuples(tuplesOf(1, 2, "postgres"));
  const mixed = writer.finish()!.bytes.slice();
  const keys = ["exec-1", "exec-2", "exec-3", `run-4@${START + 4_000_000n}`];
  assert.deepEqual(writer.keysOf(mixed).sort(), keys);
  assert.equal(writer.countSuperseded(mixed), 0);
  writer.supersede([...keys.slice(2), "run-1"]);
  assert.equal(writer.countSuperseded(mixed), 2);
  writer.addKept(mixed, "sqlite");
  const { rows, bytes } = writer.finish()!;
  assert.deepEqual(rows, { postgres: 0, sqlite: 2 });
  assert.deepEqual((await readParquet(bytes)).rows.map(({ execution_id }) => execution_id), ["exec-1", "exec-2"]);
  writer.addKept(mixed, "postgres");
  assert.deepEqual(writer.finish()!.rows, { postgres: 2, sqlite: 0 });
});

Deno.test("close() leaves the engine to another writer, whatever was under way", () => {
  const first = createWriter();
  first.addTuples(tuplesOf(1, 3, "sqlite"));
  first.supersede(["exec-1"]);
  first.addKept(first.finish()!.bytes.slice(), "sqlite");
  first.addTuples(tuplesOf(1, 9000));
  first.close();
  const second = new ChunkWriter(db, OPTIONS);
  second.addTuples(tuplesOf(1, 2, "sqlite"));
  const { rows, bytes } = second.finish()!;
  assert.deepEqual(rows, { postgres: 0, sqlite: 2 });
  assert.equal(second.countSuperseded(bytes.slice()), 0);
});
