import assert from "node:assert/strict";
import { readParquet } from "../../../tests/support/parquet.ts";
import { openDuckDb } from "./duckdb.ts";
import { literal } from "./quote.ts";
import { bytesInTable, footerOf, formatFooter, moveGroup, splitFile } from "./footer.ts";
import { type DiskFile, readableOf, readDiskFile } from "./joined_disk.ts";
import { joinFiles } from "./joined_file.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

const ADDED = [{ name: "lane", type: "text" }, { name: "dt", type: "date" }] as const;
const all = () => true;

/** A Parquet file of the rows of a SELECT. */
function fileOf(select: string): Uint8Array {
  db.run(`copy (${select}) to 'memory/made' (format parquet, codec 'zstd')`);
  const bytes = db.fileBytes("made").slice();
  db.dropFile("made");
  return bytes;
}

/** A file with the row groups of one twice. */
function twice(file: Uint8Array): Uint8Array {
  const { rowGroups } = splitFile(file);
  const { groups, ...footer } = footerOf(file);
  const end = formatFooter({ ...footer, groups }, [
    ...groups,
    ...groups.map((one) => moveGroup(one, rowGroups.length)),
  ]);
  return new Uint8Array([...file.subarray(0, 4), ...rowGroups, ...rowGroups, ...end]);
}

async function onDisk(
  files: readonly Uint8Array[],
  use: (files: DiskFile[], directory: string) => unknown,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-joined-" });
  try {
    const paths = files.map((_, index) => `${directory}/${index}.parquet`);
    for (const [index, path] of paths.entries()) await Deno.writeFile(path, files[index]);
    await use(paths.map(readDiskFile), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const valued = (files: readonly DiskFile[]) =>
  files.map((file, n) => ({ ...file, values: [`lane é${n}`, `2025-09-0${n + 1}`] }));

/** All bytes of a readable file. */
function bytesOf({ sizeBytes, read }: ReturnType<typeof readableOf>): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  assert.equal(read(bytes, 0), sizeBytes);
  return bytes;
}

Deno.test("joinFiles() makes one file of several, with what each of them is given, for any reader", async () => {
  const rows = (from: number) =>
    fileOf(`select i, case when i % 3 > 0 then 'text ' || i % 7 end as t from range(${from}, ${from + 3}) r(i)`);
  await onDisk([rows(0), twice(rows(3)), fileOf("select 1::bigint as i, '' as t where false")], async (files) => {
    using joined = readableOf(joinFiles(valued(files), { added: ADDED, keep: all }), files);
    const expected = [0, 1, 2, 3, 4, 5, 3, 4, 5].map((i, n) => [
      `${i}`,
      i % 3 > 0 ? `text ${i % 7}` : null,
      n < 3 ? "lane é0" : "lane é1",
      n < 3 ? "2025-09-01" : "2025-09-02",
    ]);
    db.putReadable("joined.parquet", joined);
    assert.deepEqual(db.query("select * from read_parquet('memory/joined.parquet')").rows, expected);
    const other = await readParquet(bytesOf(joined));
    assert.deepEqual(
      other.rows.map(({ i, t, lane }) => [`${i}`, t ?? null, lane]),
      expected.map((row) => row.slice(0, 3)),
    );
    db.dropFile("joined.parquet");
  });
});

Deno.test("joinFiles() gives a run of any length its value in every row", async () => {
  const counts = [1, 63, 64, 8191, 8192, 20_000];
  await onDisk(counts.map((count) => fileOf(`select i from range(${count}) r(i)`)), (files) => {
    using joined = readableOf(joinFiles(valued(files), { added: ADDED, keep: all }), files);
    db.putReadable("runs.parquet", joined);
    db.run("create or replace table runs as select * from read_parquet('memory/runs.parquet')");
    assert.deepEqual(
      db.query("select lane, count(*), count(distinct i), max(i) from runs group by lane order by lane").rows,
      counts.map((count, n) => [`lane é${n}`, `${count}`, `${count}`, `${count - 1}`]),
    );
    db.dropFile("runs.parquet");
  });
});

Deno.test("joinFiles() leaves out the columns that are not kept", async () => {
  await onDisk([fileOf("select 1 as a, 'x' as b, 2.5 as c")], (files) => {
    using joined = readableOf(joinFiles(valued(files), { added: ADDED, keep: (name) => name === "b" }), files);
    db.putReadable("kept.parquet", joined);
    const { columns, rows } = db.query("select * from read_parquet('memory/kept.parquet')");
    assert.deepEqual([columns, rows], [["b", "lane", "dt"], [["x", "lane é0", "2025-09-01"]]]);
    db.dropFile("kept.parquet");
  });
});

Deno.test("readableOf() keeps few files open, and reads each of many", async () => {
  const file = fileOf("select 1 as i");
  await onDisk(Array.from({ length: 250 }, () => file), (files) => {
    using joined = readableOf(joinFiles(files.map((one) => ({ ...one, values: [] })), { added: [], keep: all }), files);
    bytesOf(joined);
    const open = [...Deno.readDirSync("/proc/self/fd")].length;
    assert.ok(open < 200, `${open} files are open`);
    assert.equal(footerOf(bytesOf(joined)).groups.length, 250);
  });
});

Deno.test("readableOf() throws where a file was written anew since its footer was read", async () => {
  await onDisk([fileOf("select 1 as i")], async (files, directory) => {
    await Deno.writeFile(`${directory}/new`, fileOf("select 2 as i"));
    await Deno.rename(`${directory}/new`, files[0].path);
    using joined = readableOf(joinFiles(valued(files), { added: ADDED, keep: all }), files);
    assert.throws(
      () => joined.read(new Uint8Array(8), 0),
      /0\.parquet" was written anew while it was read; run again$/,
    );
    db.putReadable("anew.parquet", joined);
    assert.throws(() => db.query("select * from read_parquet('memory/anew.parquet')"), /written anew/);
    db.dropFile("anew.parquet");
  });
});

Deno.test("readDiskFile() throws on a file that is cut or none, naming it", async () => {
  const whole = fileOf("select 1 as i");
  for (
    const bytes of [whole.subarray(0, 3), whole.subarray(0, whole.length - 1), whole.subarray(-30), new Uint8Array(50)]
  ) {
    await assert.rejects(onDisk([bytes], () => {}), /0\.parquet" is no Parquet file: /);
  }
});

Deno.test("bytesInTable() counts a text that is shared as often as there are rows, and kept columns alone", () => {
  const footer = footerOf(fileOf(`select i, ${literal("x".repeat(100))} as t from range(10000) r(i)`));
  assert.ok(bytesInTable(footer, all) >= 10_000 * (8 + 100));
  assert.ok(bytesInTable(footer, all) <= 10_000 * (8 + 130));
  assert.equal(bytesInTable(footer, (name) => name === "i"), 80_000);
});
