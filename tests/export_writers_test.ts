import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { createBuffer } from "../tasks/lib/copy/column_buffer.ts";
import { decodeTuples } from "../tasks/lib/copy/decode.ts";
import { openDuckDb } from "../tasks/lib/parquet/duckdb.ts";
import { literal, quote } from "../tasks/lib/parquet/quote.ts";
import { footerOf, schemaBytes } from "../tasks/lib/parquet/footer.ts";
import { CHUNK, COLUMN, GROUP, STATISTICS } from "../tasks/lib/parquet/format.ts";
import type { ThriftStruct } from "../tasks/lib/parquet/thrift.ts";
import { DirectWriter } from "../tasks/lib/parquet/direct_writer.ts";
import { ChunkWriter } from "../tasks/lib/parquet/writer.ts";
import { HARNESS_ROW_KEY } from "../tasks/lib/sources/harness.ts";
import { sha256 } from "../tasks/lib/task/digest.ts";
import type { WriterKind } from "../tasks/lib/task/writers.ts";
import { checksOf } from "./support/checks.ts";
import { valuesOf } from "./support/columns.ts";
import { runCommand } from "./support/command.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, type Exporter, fileStates, insertChecks } from "./support/exporter.ts";
import { createHarnessFile } from "./support/harness.ts";
import { type ParquetRow, readLane, readParquet } from "./support/parquet.ts";
import { findPython, runPython } from "./support/python.ts";
import { RANDOM_COLUMNS, randomTuples } from "./support/random_rows.ts";

/** How many random tables are tried. */
const RUNS = Number(Deno.env.get("PROPERTY_RUNS") || 6);

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();
const dataset = checksOf(RANDOM_COLUMNS);
const chunkOf = { duckdb: chunksBy("duckdb"), direct: chunksBy("direct") };

/** Makes a chunk's file of tuples. */
function chunksBy(kind: WriterKind): (tuples: Uint8Array) => Uint8Array<ArrayBuffer> {
  return (tuples) => {
    const options = { dataset, rowKey: HARNESS_ROW_KEY };
    const writer = kind === "direct" ? new DirectWriter(options) : new ChunkWriter(db, options);
    writer.addTuples(tuples);
    const bytes = writer.finish()!.bytes.slice();
    if (writer instanceof ChunkWriter) writer.close();
    return bytes;
  };
}

/** The values of tuples, as they were decoded. */
function rowsOf(tuples: Uint8Array): ParquetRow[] {
  const buffers = RANDOM_COLUMNS.map(createBuffer);
  const rows = decodeTuples(tuples, buffers, { rows: 0 });
  const columns = buffers.map((buffer) => valuesOf(buffer, rows));
  return Array.from(
    { length: rows },
    (_, row) => Object.fromEntries(RANDOM_COLUMNS.map(({ name }, index) => [name, columns[index][row]])),
  );
}

/** Random tables; around the numbers of rows that a byte of bits and a batch of DuckDB hold. */
const table = fc.record({
  rows: fc.oneof(fc.constantFrom(1, 2, 7, 8, 9, 2047, 2048, 2049), fc.integer({ min: 1, max: 6000 })),
  seed: fc.nat(),
}).map(({ rows, seed }) => randomTuples(rows, seed));

Deno.test("both writers write the values that were decoded, of any table, in files of one schema", async () => {
  await fc.assert(
    fc.asyncProperty(table, async (tuples) => {
      const files = [chunkOf.duckdb(tuples), chunkOf.direct(tuples)];
      assert.notDeepEqual(files[0], files[1]);
      const expected = rowsOf(tuples);
      for (const file of files) assert.deepEqual((await readParquet(file)).rows, expected);
      assert.deepEqual(schemaBytes(footerOf(files[0])), schemaBytes(footerOf(files[1])));
    }),
    { numRuns: RUNS },
  );
});

/** Comparisons with values of a table, which let a reader leave row groups out, as SQL over a relation. */
function filters(values: readonly Readonly<Record<string, string | null>>[]): string[] {
  return RANDOM_COLUMNS.flatMap(({ name, duckdbType }) => {
    const constants = new Set(values.map((row) => row[name]).filter((text) => text !== null));
    const compared = [...constants].flatMap((text) =>
      ["<", "=", ">"].map((operator) => `${quote(name)} ${operator} cast(${literal(text)} as ${duckdbType})`)
    );
    return [...compared, `${quote(name)} is null`, `${quote(name)} is not null`];
  });
}

/** Least and greatest values of each column and one between, as text. */
function comparedValues(relation: string): Readonly<Record<string, string | null>>[] {
  return ["min", "max", "any_value"].map((aggregate) => {
    const list = RANDOM_COLUMNS.map(({ name }) => `${aggregate}(${quote(name)})`);
    const row = db.one(`select ${list} from ${relation}`);
    return Object.fromEntries(RANDOM_COLUMNS.map(({ name }, index) => [name, row[index]]));
  });
}

Deno.test("DuckDB finds the same rows in files of both writers, whatever it compares with", () => {
  fc.assert(
    fc.property(table, (tuples) => {
      for (const kind of ["duckdb", "direct"] as const) {
        db.dropFile(`${kind}.parquet`);
        db.putFile(`${kind}.parquet`, chunkOf[kind](tuples));
      }
      db.run("pragma enable_optimizer");
      db.run("create or replace table plain as select * from read_parquet('memory/duckdb.parquet')");
      const found = filters(comparedValues("plain"));
      // Each in a statement of its own: there it can use statistics.
      const counts = (relation: string) =>
        found.map((filter) => [filter, ...db.one(`select count(*) from ${relation} where ${filter}`)]);
      assert.deepEqual(counts("read_parquet('memory/direct.parquet')"), counts("plain"));
    }),
    { numRuns: Math.ceil(RUNS / 3) },
  );
});

const python = await findPython(["duckdb", "pyarrow"]);

/** Reads both files with pyarrow and DuckDB; prints what differs. */
const COMPARE = `
import duckdb, json, sys
import pyarrow as pa, pyarrow.parquet as pq
one, other, filters = sys.argv[1], sys.argv[2], json.loads(open(sys.argv[3]).read())
tables = [pq.read_table(path, page_checksum_verification=True) for path in (one, other)]
def bits(table):
    return [c.combine_chunks().view(pa.int64()) if pa.types.is_floating(c.type) else c for c in table.columns]
assert tables[0].schema == tables[1].schema
for name, a, b in zip(tables[0].column_names, bits(tables[0]), bits(tables[1])):
    assert a.equals(b), name
duckdb.execute("set timezone = 'UTC'")
duckdb.execute("create table plain as from read_parquet('%s')" % one)
for filter in filters:
    counts = [duckdb.execute("select count(*) from %s where %s" % (relation, filter)).fetchone()
        for relation in ("plain", "read_parquet('%s')" % other)]
    assert counts[0] == counts[1], (filter, counts)
meta = pq.ParquetFile(other).metadata
for group in range(meta.num_row_groups):
    for index in range(meta.num_columns):
        column = meta.row_group(group).column(index)
        values = tables[1].column(index)
        assert column.statistics.null_count == values.null_count
        if column.statistics.has_min_max and not pa.types.is_floating(values.type):
            import pyarrow.compute as pc
            assert pc.min(values).as_py() == column.statistics.min, column.path_in_schema
            assert pc.max(values).as_py() == column.statistics.max, column.path_in_schema
print(len(filters))
`;

Deno.test({
  name: "pyarrow and native DuckDB find the same rows in files of both writers, and statistics that are exact",
  ignore: python === undefined,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      for (const [rows, seed] of [[1, 1], [9, 2], [2500, 3], [6000, 4]]) {
        const tuples = randomTuples(rows, seed);
        const paths = ["duckdb", "direct"].map((kind) => join(directory, `${kind}.parquet`));
        await Deno.writeFile(paths[0], chunkOf.duckdb(tuples));
        await Deno.writeFile(paths[1], chunkOf.direct(tuples));
        db.dropFile("duckdb.parquet");
        db.putFile("duckdb.parquet", await Deno.readFile(paths[0]));
        const found = filters(comparedValues("read_parquet('memory/duckdb.parquet')"));
        const list = join(directory, "filters.json");
        await Deno.writeTextFile(list, JSON.stringify(found));
        assert.equal(await runPython(python!, COMPARE, ...paths, list), `${found.length}\n`);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

const FILE = "dt=2025-09-01/checks.parquet";

/** Rows of an exporter's lane by run, and of each row group of its one day. */
async function readDay(exporter: Exporter) {
  const [{ path, rowGroups, rows }, ...others] = await readLane(exporter.lane);
  assert.deepEqual([path, others.length], [FILE, 0]);
  return { rowGroups, rows: rows.map(({ run_id, claim, seed }) => [run_id, claim, seed]) };
}

/** SHA-256 of each row group of the day. */
async function groupHashes(exporter: Exporter): Promise<string[]> {
  const file = await Deno.readFile(join(exporter.lane, FILE));
  return footerOf(file).groups.map(({ start, end }) => sha256(file.subarray(start, end)));
}

/** Which writer made each row group of the day: the direct one gives texts no bounds in the old fields. */
async function groupWriters(exporter: Exporter): Promise<WriterKind[]> {
  const file = await Deno.readFile(join(exporter.lane, FILE));
  return footerOf(file).groups.map(({ struct }) => {
    const { items } = struct.get(GROUP.columns)!.value as { items: ThriftStruct[] };
    const meta = items.at(-1)!.get(CHUNK.meta)!.value as ThriftStruct;
    const statistics = meta.get(COLUMN.statistics)!.value as ThriftStruct;
    return statistics.has(STATISTICS.oldMin) ? "duckdb" : "direct";
  });
}

for (const [first, second] of [["duckdb", "direct"], ["direct", "duckdb"]] as const) {
  Deno.test(`a file holds row groups of both writers, ${first} first`, async () => {
    await using exporter = await createExporter();
    const at = "timestamptz '2025-09-01 12:00:00+00' + n * interval '1 second'";
    await insertChecks(exporter.database, 1, 40, at);
    using file = createHarnessFile(join(exporter.home, "heretix.sqlite"));
    file.db.exec(`
      insert into executions (execution_id, run_id, created_at, claim, seed)
      with recursive n(n) as (select 41 union all select n + 1 from n where n < 60)
      select 'exec-' || n, 'run-' || n, 1756728000 + n, 'claim ' || n, 18446744073709551615 - n from n`);
    file.db.exec("update executions set seed = '184467440737095' || substr(run_id, 5)");
    await exportHere(exporter, { from: "postgres", writer: first });
    const [postgres] = await groupHashes(exporter);
    await exportHere(exporter, { from: "sqlite", writer: second });
    const both = await groupHashes(exporter);
    assert.deepEqual([both[0], both.length], [postgres, 2]);
    assert.deepEqual(await groupWriters(exporter), [first, second]);
    const { rowGroups, rows } = await readDay(exporter);
    assert.deepEqual(rowGroups, [40, 20]);
    const expected = Array.from({ length: 60 }, (_, i) => [
      `run-${i + 1}`,
      `claim ${i + 1}`,
      i < 40 ? 2n ** 64n - 2n - BigInt(i) : BigInt(`184467440737095${i + 1}`),
    ]);
    assert.deepEqual(rows, expected);
    const path = literal(join(exporter.lane, FILE));
    const found = db.one(`select count(*), min(run_id), max(run_id) from read_parquet(${path}) where claim = 'claim 41'
      or seed = 18446744073709551615 - 40 or created_at > timestamptz '2025-09-01 12:00:59+00'`);
    assert.deepEqual(found, ["3", "run-40", "run-60"]);
    await exportHere(exporter, { from: "all", writer: first, full: true });
    assert.deepEqual(await groupHashes(exporter), both);
  });

  Deno.test(`export by ${second} leaves the files alone that ${first} wrote of unchanged days`, async () => {
    await using exporter = await createExporter();
    await insertChecks(exporter.database, 1, 60);
    await exportHere(exporter, { from: "postgres", writer: first });
    const before = await fileStates(exporter.lane);
    for (const options of [{}, { full: true }, { verify: true }]) {
      await exportHere(exporter, { from: "postgres", writer: second, ...options });
      assert.deepEqual(await fileStates(exporter.lane), before);
    }
    await exporter.database.sql`update checks set claim = 'other' where run_id = 'run-1'`;
    await exportHere(exporter, { from: "postgres", writer: second });
    const after = await fileStates(exporter.lane);
    const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
    assert.deepEqual(changed, ["_manifest.json", FILE]);
    const rows = (await readLane(exporter.lane)).flatMap(({ rows }) => rows);
    assert.deepEqual(
      rows.map(({ claim }) => claim),
      Array.from({ length: 60 }, (_, i) => i === 0 ? "other" : `claim ${i + 1}`),
    );
  });
}

Deno.test("export by the direct writer has the engine put rows of several harness files and old ones in order", async () => {
  await using exporter = await createExporter();
  const sqlitePaths = ["one.sqlite", "other.sqlite"].map((name) => join(exporter.home, name));
  using stack = new DisposableStack();
  const files = sqlitePaths.map((path) => stack.use(createHarnessFile(path)));
  const add = (n: number) =>
    files[n % 2].insert("executions", { execution_id: `exec-${n}`, run_id: `run-${n}`, created_at: 1756728000 + n });
  const expectRuns = async (count: number) => {
    await exportHere(exporter, { from: "sqlite", writer: "direct", sqlitePaths });
    const { rows } = await readDay(exporter);
    assert.deepEqual(rows.map(([run]) => run), Array.from({ length: count }, (_, n) => `run-${n + 10}`));
  };
  for (let n = 10; n < 30; n++) add(n);
  await expectRuns(20);
  for (let n = 30; n < 33; n++) add(n);
  await expectRuns(23);
  assert.deepEqual(await groupWriters(exporter), ["duckdb"]);
  const [path] = sqlitePaths;
  add(34);
  await exportHere(exporter, { from: "sqlite", writer: "direct", sqlitePaths: [path], missingOnly: true });
  assert.deepEqual((await readDay(exporter)).rows.at(-1)![0], "run-34");
});

Deno.test("a writer that is not there is a usage error of each task that exports", async () => {
  const said = 'Cannot use the settings:\n  --writer takes duckdb or direct, not "arrow"\n';
  for (const [task, ...args] of [["export"], ["export:local"], ["export:run", "run"]]) {
    const { code, stderr } = await runCommand(task, [...args, "--writer", "arrow"]);
    assert.deepEqual([code, stderr], [2, said], task);
  }
  const { code, stderr } = await runCommand("export", [], { env: { EXPORT_WRITER: "arrow" } });
  assert.deepEqual([code, stderr], [2, said.replace("--writer", "EXPORT_WRITER")]);
});
