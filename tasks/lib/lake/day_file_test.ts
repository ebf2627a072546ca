import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readParquet } from "../../../tests/support/parquet.ts";
import { findPython, runPython } from "../../../tests/support/python.ts";
import { createDayFile, readFooter, toStoredGroup } from "./day_file.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { literal, quote } from "../parquet/quote.ts";
import { boundsOf, columnNames, footerOf, formatFooter, metadataOf } from "../parquet/footer.ts";
import type { ThriftStruct, ThriftValue } from "../parquet/thrift.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const python = await findPython(["pyarrow", "duckdb"]);

const METADATA = new Map([["heretix.dataset", "checks"], ["heretix.redacted", '["ü"]']]);
const FILE_OPTIONS = { metadata: METADATA, day: { name: "created_at", layout: "timestamp" } } as const;

/** Columns of every kind by name, as SQL over a number n of which every third is NULL, every seventh extreme. */
const COLUMNS: Readonly<Record<string, string>> = {
  source: "'postgres'",
  created_at: "make_timestamp(1756684800000001 + n * 1000000)::timestamptz",
  finished_at: "case when n % 7 = 0 then make_timestamp(253402300799999999) when n % 3 > 0 then " +
    "make_timestamp(-62135596799999999 + n) end::timestamptz",
  text: "case when n % 7 = 0 then repeat('ü', 60) when n % 3 > 0 then 'text ' || n end",
  few: "case when n % 3 > 0 then 'value ' || n % 2 end",
  bigint: "case when n % 7 = 0 then 9223372036854775807 when n % 3 > 0 then -n * 1000003 end",
  int: "case when n % 3 > 0 then (n * 7 - 100)::int end",
  double: "case when n % 3 > 0 then n / 7.0::double end",
  flag: "case when n % 3 > 0 then n % 2 = 0 end",
  seed: "case when n % 7 = 0 then 18446744073709551615 when n % 3 > 0 then n end::decimal(20,0)",
  cost: "case when n % 3 > 0 then (n / 1000000.0)::decimal(12,6) end",
  nothing: "null::varchar",
  late: "case when n > 250 then n end",
};

/** A chunk as a thread gives it: rows `from` to `to` in one row group. */
function chunkOf(from: number, to: number, columns: Readonly<Record<string, string>> = COLUMNS) {
  const list = Object.entries(columns).map(([name, sql]) => `${sql} as ${quote(name)}`);
  db.dropFile("chunk.parquet");
  db.run(`copy (select ${list} from range(${from}, ${to}) as t(n)) to 'memory/chunk.parquet'
    (format parquet, codec zstd, row_group_size 1000000)`);
  const bytes = db.fileBytes("chunk.parquet").slice();
  const [{ start, end }] = footerOf(bytes).groups;
  return { bytes, sha256: createHash("sha256").update(bytes.subarray(start, end)).digest("hex") };
}

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-day-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Three chunks joined into one file. */
async function joinThree(path: string) {
  const chunks = [chunkOf(0, 100), chunkOf(100, 250), chunkOf(250, 251 + 120)];
  const file = createDayFile(path, FILE_OPTIONS);
  for (const chunk of chunks) await file.addChunk(chunk);
  return { chunks, joined: (await file.finish())! };
}

/** Every field of a struct but the offsets, which are where they should be when the rows can be read. */
function withoutOffsets(value: ThriftValue): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof Map) {
    return [...value as ThriftStruct].map(([id, field]) => [id, field.type, withoutOffsets(field.value)]);
  }
  if (typeof value === "object" && "items" in value) return value.items.map(withoutOffsets);
  return value;
}

const STATISTICS = 12;

function statisticsOf(group: ThriftStruct): unknown[] {
  const { items } = group.get(1)!.value as { items: ThriftStruct[] };
  return items.map((chunk) => withoutOffsets((chunk.get(3)!.value as ThriftStruct).get(STATISTICS)!.value));
}

Deno.test("createDayFile() joins chunks into one file of as many row groups, every statistic as it was", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "checks.parquet");
    const { chunks, joined } = await joinThree(path);
    const bytes = await Deno.readFile(path);
    assert.equal(joined.sizeBytes, bytes.length);
    assert.equal(joined.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.deepEqual([joined.firstMicros, joined.lastMicros], ["1756684800000001", "1756685170000001"]);
    const footer = await readFooter(path);
    assert.deepEqual([...metadataOf(footer)], [...METADATA]);
    assert.deepEqual(columnNames(footer), Object.keys(COLUMNS));
    assert.deepEqual(footer.groups.map(({ rows }) => rows), [100, 150, 121]);
    for (const [index, { bytes: chunk }] of chunks.entries()) {
      const [group] = footerOf(chunk).groups;
      const there = footer.groups[index];
      assert.deepEqual(statisticsOf(there.struct), statisticsOf(group.struct));
      assert.deepEqual(bytes.subarray(there.start, there.end), chunk.subarray(group.start, group.end));
    }
    const parts = await Promise.all(chunks.map(({ bytes }) => readParquet(bytes)));
    const { rows, columns } = await readParquet(bytes);
    assert.deepEqual(rows, parts.flatMap(({ rows }) => rows));
    assert.deepEqual(columns, parts[0].columns);
  }));

Deno.test("a joined file says to DuckDB of each row group what the chunk said, to the last digit", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "checks.parquet");
    const { chunks } = await joinThree(path);
    const statistics = (file: string) =>
      db.query(`select row_group_id, path_in_schema, stats_min_value, stats_max_value, stats_null_count, num_values,
        row_group_num_rows from parquet_metadata(${literal(file)})`).rows;
    const joined = statistics(path);
    for (const [index, { bytes }] of chunks.entries()) {
      db.dropFile("one.parquet");
      db.putFile("one.parquet", bytes);
      const expected = statistics("memory/one.parquet").map(([, ...rest]) => rest);
      assert.deepEqual(joined.filter(([id]) => id === `${index}`).map(([, ...rest]) => rest), expected);
    }
    const seeds = joined.filter(([, column]) => column === "seed").map(([, , , max]) => max);
    assert.deepEqual(seeds, Array(3).fill("18446744073709551615"));
  }));

/** Reads a file and counts what filters find, with and without the file's statistics. */
const READ = `
import sys, duckdb, pyarrow.parquet as pq, pyarrow.compute as pc, pyarrow.dataset as ds
path = sys.argv[1]
table = pq.read_table(path)
native = duckdb.connect()
plain = native.execute("create table t as select * from read_parquet(?)", [path])
assert native.execute("select count(*) from t").fetchone()[0] == table.num_rows
for name in table.column_names:
    values = [v for v in table[name].to_pylist() if v is not None]
    probes = sorted(set(values), key=str)[::max(1, len(set(values)) // 5)] + values[:1] + values[-1:]
    for operator, test in (("=", lambda a, b: a == b), ("<", lambda a, b: a < b), (">=", lambda a, b: a >= b)):
        for probe in probes:
            found = native.execute(f'select count(*) from read_parquet(?) where "{name}" {operator} ?', [path, probe]).fetchone()[0]
            expected = native.execute(f'select count(*) from t where "{name}" {operator} ?', [probe]).fetchone()[0]
            assert found == expected, (name, operator, found, expected)
            found = pq.read_table(path, filters=[(name, "==" if operator == "=" else operator, probe)]).num_rows
            expected = sum(1 for v in values if test(v, probe))
            assert found == expected, ("pyarrow", name, operator, found, expected)
    nulls = native.execute(f'select count(*) from read_parquet(?) where "{name}" is null', [path]).fetchone()[0]
    assert nulls == table[name].null_count == table.num_rows - len(values), name
    assert ds.dataset(path).count_rows(filter=pc.field(name).is_null()) == nulls, name
print(table.num_rows, pq.ParquetFile(path).num_row_groups)
`;

Deno.test({
  name: "a joined file is read by native DuckDB and pyarrow, with filters on every kind of column",
  ignore: python === undefined,
  fn: () =>
    withDirectory(async (directory) => {
      const path = join(directory, "checks.parquet");
      await joinThree(path);
      assert.equal(await runPython(python!, READ, path), "371 3\n");
    }),
});

Deno.test("copyGroup() takes row groups over as bytes, in any order, beside new ones", () =>
  withDirectory(async (directory) => {
    const [first, second] = [join(directory, "first.parquet"), join(directory, "second.parquet")];
    await joinThree(first);
    const footer = await readFooter(first);
    const file = createDayFile(second, FILE_OPTIONS);
    await file.copyGroup({ path: first, footer, group: footer.groups[2] });
    await file.addChunk(chunkOf(1000, 1010));
    await file.copyGroup({ path: first, footer, group: footer.groups[0] });
    await file.finish();
    const { rows, rowGroups } = await readParquet(await Deno.readFile(second));
    const before = (await readParquet(await Deno.readFile(first))).rows;
    assert.deepEqual(rowGroups, [121, 10, 100]);
    assert.deepEqual(rows.slice(0, 121), before.slice(250));
    assert.deepEqual(rows.slice(131), before.slice(0, 100));
  }));

Deno.test("toStoredGroup() makes a file of one row group", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "checks.parquet");
    await joinThree(path);
    const footer = await readFooter(path);
    for (const [index, group] of footer.groups.entries()) {
      const { start, end, footer: alone } = toStoredGroup({ path, footer, group });
      const bytes = (await Deno.readFile(path)).subarray(start, end);
      const file = new Uint8Array([...new TextEncoder().encode("PAR1"), ...bytes, ...alone]);
      const all = await readParquet(await Deno.readFile(path));
      const from = [0, 100, 250][index];
      assert.deepEqual((await readParquet(file)).rows, all.rows.slice(from, from + group.rows));
    }
  }));

Deno.test("createDayFile() refuses row groups of different columns, and bytes that are not those that were verified", () =>
  withDirectory(async (directory) => {
    const { nothing: _nothing, ...fewer } = COLUMNS;
    const path = join(directory, "checks.parquet");
    const file = createDayFile(path, FILE_OPTIONS);
    await file.addChunk(chunkOf(0, 10));
    await assert.rejects(file.addChunk(chunkOf(0, 10, fewer)), {
      message:
        `Cannot write "${path}": its row groups have different columns; nothing was replaced, correct that and export again`,
    });
    await file.close();
    const other = createDayFile(join(directory, "other.parquet"), FILE_OPTIONS);
    const chunk = chunkOf(0, 10);
    await other.addChunk({ ...chunk, sha256: chunkOf(1, 10).sha256 });
    await assert.rejects(other.finish(), /a row group does not read back as it was verified/);
  }));

Deno.test("createDayFile() finds a footer that the disk has not taken as it was written", () =>
  withDirectory(async (directory) => {
    const { write } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.write = function (bytes) {
      const isFooter = bytes.length > 4 && new TextDecoder().decode(bytes.subarray(-4)) === "PAR1";
      // One digit of a statistic or of a name: the footer can still be read.
      return write.call(
        this,
        isFooter ? bytes.map((byte, index) => index === bytes.length - 20 ? byte ^ 1 : byte) : bytes,
      );
    };
    try {
      await assert.rejects(
        joinThree(join(directory, "checks.parquet")),
        /its footer does not read back as it was written/,
      );
    } finally {
      Deno.FsFile.prototype.write = write;
    }
  }));

Deno.test("createDayFile() writes to no file that is there already", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "checks.parquet");
    await Deno.writeTextFile(path, "theirs");
    const file = createDayFile(path, FILE_OPTIONS);
    await assert.rejects(file.addChunk(chunkOf(0, 10)), /^TaskError: Cannot write ".*checks\.parquet": File exists/);
    assert.equal(await Deno.readTextFile(path), "theirs");
  }));

Deno.test("createDayFile() makes no file without a row group, and takes nothing after it was closed", () =>
  withDirectory(async (directory) => {
    const empty = createDayFile(join(directory, "empty.parquet"), FILE_OPTIONS);
    assert.equal(await empty.finish(), undefined);
    const closed = createDayFile(join(directory, "closed.parquet"), FILE_OPTIONS);
    await closed.close();
    await assert.rejects(closed.addChunk(chunkOf(0, 10)), /the file was closed/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  }));

Deno.test("readFooter() refuses what is no Parquet file, and offsets that lead out of it", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "checks.parquet");
    await joinThree(path);
    const whole = await Deno.readFile(path);
    assert.ok(boundsOf((await readFooter(path)).groups[0], "seed"));
    assert.equal(boundsOf((await readFooter(path)).groups[0], "absent"), undefined);
    const refused = async (bytes: Uint8Array) => {
      await Deno.writeFile(path, bytes);
      await assert.rejects(readFooter(path), RangeError);
    };
    for (const size of [0, 3, 8, 11, 12, whole.length - 1, whole.length - 8]) await refused(whole.slice(0, size));
    // Without its first bytes every row group ends behind the place where the footer begins.
    await refused(whole.slice(5000));
    const long = whole.slice();
    new DataView(long.buffer).setUint32(long.length - 8, 0xffffffff, true);
    await refused(long);
    // Row groups that lie over each other.
    const footer = footerOf(whole);
    const [first] = footer.groups;
    await refused(new Uint8Array([...whole.subarray(0, first.end), ...formatFooter(footer, [first, first])]));
  }));
