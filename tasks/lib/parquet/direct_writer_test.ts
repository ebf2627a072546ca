import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { checksOf } from "../../../tests/support/checks.ts";
import { columnsOf } from "../../../tests/support/columns.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { createBuffer } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { createTupleWriter } from "../copy/encode.ts";
import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import { HARNESS_ROW_KEY } from "../sources/harness.ts";
import { readFile } from "./arrow_reader.ts";
import { DirectFile } from "./direct_file.ts";
import { DirectWriter } from "./direct_writer.ts";
import { openDuckDb } from "./duckdb.ts";
import { footerOf } from "./footer.ts";
import { ChunkWriter } from "./writer.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const COLUMNS = columnsOf({ created_at: "timestamptz", source: "text", run_id: "text", seed: "numeric(20,0)" });
const dataset = checksOf(COLUMNS);

/** Tuples numbered `from` to `to`, a second apart. */
function tuplesOf(from: number, to: number, source = "postgres"): Uint8Array {
  const writer = createTupleWriter(COLUMNS);
  const text = (value: string) => new TextEncoder().encode(value);
  for (let n = from; n <= to; n++) {
    const micros = 1_756_684_800_000_000n + BigInt(n) * 1_000_000n;
    writer.append([micros, text(source), text(`run-${n}`), `${2n ** 64n - BigInt(n)}`]);
  }
  return writer.take();
}

/** A file of other tuples. */
function fileOf(tuples: Uint8Array): Uint8Array {
  const buffers = fieldOrder(dataset).map(createBuffer);
  return new DirectFile().write(buffers, decodeTuples(tuples, buffers, { rows: 0 }));
}

const given = (file: Uint8Array): typeof readFile => (_, rows) => readFile(file, rows);

const FAULTS: readonly (readonly [name: string, read: typeof readFile, finding: RegExp])[] = [
  ["lacks a row", given(fileOf(tuplesOf(1, 2999))), /^2999 of 3000 written rows read back$/],
  ["has a row twice", given(fileOf(tuplesOf(1, 3001))), /^3001 of 3000 written rows read back$/],
  ["has other values", given(fileOf(tuplesOf(2, 3001))), /^column "created_at" does not read back as it was written$/],
  ["has a page that is damaged", (file, rows) => readFile(file.with(200, file[200] ^ 1), rows), /./],
  ["has no end", (file, rows) => readFile(file.subarray(0, -1), rows), /./],
];

for (const [name, read, finding] of FAULTS) {
  Deno.test(`finish() refuses a chunk whose file ${name}`, () => {
    const writer = new DirectWriter({ dataset }, read);
    writer.addTuples(tuplesOf(1, 3000));
    assert.throws(() => writer.finish(), ({ message }) => finding.test(message));
  });
}

/** Whether DuckDB wrote a file. */
const isByEngine = (file: Uint8Array) =>
  new TextDecoder().decode(footerOf(file).struct.get(6)!.value as Uint8Array) === "DuckDB";

Deno.test("finish() gives a chunk as the engine gives it, one after another", async () => {
  db.run("drop table if exists superseded");
  const writers = {
    engine: new ChunkWriter(db, { dataset, rowKey: HARNESS_ROW_KEY }),
    direct: new DirectWriter({ dataset }),
  };
  for (const [from, to, source] of [[1, 9000, "postgres"], [9001, 9001, "sqlite"], [9002, 20_000, "sqlite"]] as const) {
    const [engine, direct] = Object.values(writers).map((writer) => {
      for (let at = from; at <= to; at += 4000) writer.addTuples(tuplesOf(at, Math.min(to, at + 3999), source));
      const { rows, bytes, sha256 } = writer.finish()!;
      const [{ start, end }] = footerOf(bytes).groups;
      assert.equal(sha256, createHash("sha256").update(bytes.subarray(start, end)).digest("hex"));
      return { rows, bytes: bytes.slice() };
    });
    assert.deepEqual([isByEngine(engine.bytes), isByEngine(direct.bytes)], [true, false]);
    assert.deepEqual(direct.rows, engine.rows);
    assert.deepEqual(await readParquet(direct.bytes), await readParquet(engine.bytes));
  }
  assert.equal(writers.direct.finish(), undefined);
});

Deno.test("finish() counts as rows of a source those that are called exactly so, and all where nothing says a source", () => {
  const writer = new DirectWriter({ dataset });
  writer.addTuples(tuplesOf(1, 2, "postgres"));
  writer.addTuples(tuplesOf(2, 4, "sqlite"));
  writer.addTuples(tuplesOf(4, 4, "sqlitf"));
  writer.addTuples(tuplesOf(4, 4, "sqlite3"));
  assert.deepEqual(writer.finish()!.rows, { postgres: 2, sqlite: 3 });
  const columns = columnsOf({ created_at: "timestamptz", seed: "numeric(20,0)" });
  const sourceless: Dataset = { ...checksOf(columns), hasSources: false };
  const tuples = createTupleWriter(columns);
  tuples.append([1n, "1"]);
  const other = new DirectWriter({ dataset: sourceless });
  other.addTuples(tuples.take());
  assert.deepEqual(other.finish()!.rows, { postgres: 1, sqlite: 0 });
});

Deno.test("finish() refuses rows that do not come in order, within one chunk alone", () => {
  const writer = new DirectWriter({ dataset });
  for (const from of [3, 1]) {
    writer.addTuples(tuplesOf(from, from + 1));
    assert.equal(writer.finish()!.rows.postgres, 2);
  }
  writer.addTuples(tuplesOf(3, 4));
  writer.addTuples(tuplesOf(2, 5));
  assert.throws(() => writer.finish(), { message: "the rows do not come in order" });
});
