import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { arrowStream } from "./arrow.ts";
import { createBuffer, reserveBytes, reserveRows } from "../copy/column_buffer.ts";
import { openDuckDb } from "./duckdb.ts";
import { literal, quote } from "./quote.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

async function withDirectory(use: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-duckdb-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("DuckDB is the last release that has Parquet inside: later ones fetch it from the internet", async () => {
  assert.deepEqual(db.one("select version()"), ["v0.9.1"]);
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  assert.equal(imports["@duckdb/duckdb-wasm"], "npm:@duckdb/duckdb-wasm@1.28.0");
});

Deno.test("query() gives each value in its column's place, also where that is named like a number", () => {
  const { columns, rows } = db.query("select 'claim' as claim, 1, 2 as \"0\"");
  assert.deepEqual([columns, rows], [["claim", "1", "0"], [["claim", "1", "2"]]]);
});

Deno.test("openDuckDb() writes and reads Parquet without the network", async () => {
  const stdout = await runScript(`const db = await openDuckDb();
    db.run("copy (select 42 as x) to 'memory/x.parquet' (format parquet)");
    console.log(db.one("select sum(x) from read_parquet('memory/x.parquet')")[0]);`);
  assert.equal(stdout, "42\n");
});

/** What a script prints that has openDuckDb(), and no network. */
async function runScript(code: string): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const module = new URL("./duckdb.ts", import.meta.url).href;
    await Deno.writeTextFile(path, `import { openDuckDb } from ${JSON.stringify(module)};\n${code}`);
    const flags = ["--config", new URL("../../../deno.json", import.meta.url).pathname, "--no-prompt", "--deny-net"];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", ...flags, path],
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(30_000),
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("query() throws where one of many rows cannot be computed", () => {
  db.run(
    "create or replace table texts as select case when i = 9999 then 'x' else i::varchar end as v from range(10000) t(i)",
  );
  assert.throws(() => db.query("select v::int from texts"), /Could not convert string 'x' to INT32/);
  assert.throws(() => db.one("select sum(v::int) from texts"), /Could not convert string/);
  assert.throws(() => db.run("create table numbers as select v::int from texts"), /Could not convert string/);
  assert.equal(db.query("select v from texts").rows.length, 10_000);
});

Deno.test("openDuckDb() of some paths reads these and sees no other", async () => {
  await withDirectory(async (directory) => {
    const [inside, outside] = [`${directory}/in.csv`, `${directory}/out.csv`];
    for (const path of [inside, outside]) await Deno.writeTextFile(path, "a\n1\n");
    const [answer, ...errors] = await runConfined(inside, [
      `select count(*) from read_csv_auto(${literal(inside)})`,
      `select * from read_csv_auto(${literal(outside)})`,
      `create table t (a int); copy t from ${literal(outside)}`,
      `attach ${literal(outside)} as other`,
      `load ${literal(outside)}`,
      `copy (select 1) to ${literal(`${directory}/new.csv`)}`,
      `export database ${literal(directory)}`,
    ]);
    assert.equal(answer, "done");
    for (const error of errors) assert.match(error, /not among the files|No files found|Extension .* not found/);
    assert.equal(errors.length, 6);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), ["in.csv", "out.csv"]);
  });
});

/** What becomes of each text of SQL in an engine of its own that sees one file; in another process, since an engine takes
 * the file functions of its whole thread. */
async function runConfined(path: string, texts: readonly string[]): Promise<string[]> {
  const stdout = await runScript(`for (const sql of ${JSON.stringify(texts)}) {
    const db = await openDuckDb(undefined, [${JSON.stringify(path)}]);
    try {
      db.run(sql);
      console.log("done");
    } catch (error) {
      console.log(error.message.replaceAll("\\n", " "));
    }
  }`);
  return stdout.trimEnd().split("\n");
}

Deno.test("describe() gives a row a column", () => {
  const of = "select 1 as a, 'x' as b, null::bigint as c";
  const { columns, rows } = db.describe(`describe ${of}`);
  assert.deepEqual(columns.slice(0, 2), ["column_name", "column_type"]);
  assert.deepEqual(rows.map((row) => row.slice(0, 2)), [["a", "INTEGER"], ["b", "VARCHAR"], ["c", "BIGINT"]]);
  const summary = db.describe(`summarize ${of}`);
  const count = summary.columns.indexOf("count");
  assert.equal(summary.types[count], "BIGINT");
  assert.deepEqual(summary.rows.map((row) => [row[0], row[2], row[count]]), [["a", "1", "1"], ["b", "x", "1"], [
    "c",
    null,
    "1",
  ]]);
});

Deno.test("query() throws on SQL that is none, and the session goes on", () => {
  assert.throws(() => db.query("selec 1"), /syntax error/);
  assert.throws(() => db.query("select * from nowhere"), /nowhere does not exist/);
  assert.throws(() => db.run("selec 1"), /syntax error/);
  assert.deepEqual(db.query("select 1 as x").rows, [["1"]]);
});

Deno.test("query() gives names, types and texts of all values", () => {
  const result = db.query(`select * from (values (1, 18446744073709551615::decimal(20,0), 'a"''é😀', timestamptz
    '0001-01-01 00:00:00.000001+00', [1, 2]), (null, null, '', null, null)) t(i, "Seed ""x""", s, t, l)`);
  assert.deepEqual(result, {
    columns: ["i", 'Seed "x"', "s", "t", "l"],
    types: ["INTEGER", "DECIMAL(20,0)", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "INTEGER[]"],
    rows: [
      ["1", "18446744073709551615", `a"'é😀`, "0001-01-01 00:00:00.000001+00", "[1, 2]"],
      [null, null, "", null, null],
    ],
  });
});

Deno.test("query() throws on a Parquet file that is damaged", async () => {
  await withDirectory(async (directory) => {
    db.run("copy (select i, i::varchar as s from range(5000) t(i)) to 'memory/whole.parquet' (format parquet)");
    const bytes = db.fileBytes("whole.parquet").slice();
    bytes.fill(0xff, 100, 2000);
    const path = `${directory}/damaged.parquet`;
    await Deno.writeFile(path, bytes);
    assert.throws(() => db.query(`select * from read_parquet(${literal(path)})`));
    await Deno.writeFile(`${directory}/short.parquet`, bytes.subarray(0, 3000));
    assert.throws(() => db.query(`select * from read_parquet(${literal(`${directory}/short.parquet`)})`));
    assert.deepEqual(db.one("select 1"), ["1"]);
  });
});

Deno.test("files in memory never touch the disk", async () => {
  await withDirectory(async (directory) => {
    const code = `import { openDuckDb } from ${JSON.stringify(new URL("./duckdb.ts", import.meta.url).href)};
      const db = await openDuckDb();
      Deno.chdir(${JSON.stringify(directory)});
      db.run("copy (select i from range(100000) t(i)) to 'memory/x.parquet' (format parquet)");
      db.putFile("y.parquet", db.fileBytes("x.parquet").slice());
      console.log(db.one("select count(*) from read_parquet('memory/y.parquet')")[0]);`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", "--config", new URL("../../../deno.json", import.meta.url).pathname, code],
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(30_000),
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "100000\n", new TextDecoder().decode(stderr));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  });
});

Deno.test("the disk is read-only, and a file of it that cannot be opened is an error", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/file.parquet`;
    for (const target of [path, `${directory}/missing/file.parquet`]) {
      assert.throws(() => db.run(`copy (select 1) to ${literal(target)} (format parquet)`));
    }
    db.run("copy (select 7 as x) to 'memory/seven.parquet' (format parquet)");
    await Deno.writeFile(path, db.fileBytes("seven.parquet"), { mode: 0o400 });
    const before = await Deno.readFile(path);
    assert.throws(() => db.run(`copy (select 1) to ${literal(path)} (format parquet)`));
    assert.deepEqual(db.query(`select x from read_parquet(${literal(path)})`).rows, [["7"]]);
    assert.deepEqual(await Deno.readFile(path), before);
    assert.throws(() => db.query(`select * from read_parquet(${literal(`${directory}/none.parquet`)})`));
    assert.deepEqual(await Array.fromAsync(Deno.readDir(directory), ({ name }) => name), ["file.parquet"]);
  });
});

Deno.test("dropFile() makes the engine forget the old bytes of a name", async () => {
  for (const x of [1, 2]) {
    db.dropFile("again.parquet");
    db.run(`copy (select ${x} as x) to 'memory/again.parquet' (format parquet)`);
    assert.deepEqual(db.one("select sum(x) from read_parquet('memory/again.parquet')"), [`${x}`]);
    assert.deepEqual((await readParquet(db.fileBytes("again.parquet"))).rows, [{ x }]);
  }
  db.dropFile("again.parquet");
  assert.throws(() => db.fileBytes("again.parquet"), /No file in memory/);
});

Deno.test("insertArrow() takes more than 4 GB in all", () => {
  const [column] = columnsOf({ t: "text" });
  const buffer = createBuffer(column);
  const textBytes = 32 * 1024 * 1024;
  reserveRows(buffer, 1);
  reserveBytes(buffer, textBytes);
  buffer.values.fill(0x61);
  buffer.validity[0] = 1;
  buffer.offsets[1] = textBytes;
  const stream = arrowStream([buffer], 1);
  // The stream ends long before its buffer does: the engine has to free the buffer all the same, and has little to do.
  const sizeBytes = 512 * 1024 * 1024;
  for (let i = 0; i < 10; i++) {
    db.run("create or replace table big (t varchar)");
    db.insertArrow("big", sizeBytes, (target) => stream.write(target.subarray(0, stream.sizeBytes)));
  }
  assert.deepEqual(db.one("select sum(strlen(t)) from big"), [`${textBytes}`]);
  db.run("drop table big");
});

Deno.test("insertArrow() throws on a table that is not there and on bytes that are no stream", () => {
  const buffer = createBuffer(columnsOf({ i: "integer" })[0]);
  const stream = arrowStream([buffer], 0);
  assert.throws(() => db.insertArrow("nowhere", stream.sizeBytes, stream.write));
  db.run("create or replace table t (i integer)");
  assert.throws(() => db.insertArrow("t", 64, (target) => target.fill(0xee)));
  assert.deepEqual(db.one("select count(*) from t"), ["0"]);
});

Deno.test("run(), one() and query() take SQL that is longer than the engine's stack", () => {
  const text = "é".repeat(1_000_000);
  db.run(`create or replace table long as select ${literal(text)} as t`);
  assert.deepEqual(db.one(`select max(strlen(t)), max(t = ${literal(text)}) from long`), ["2000000", "true"]);
  assert.deepEqual(db.query(`select length(${literal(text)}) as n`).rows, [["1000000"]]);
  db.run("drop table long");
});

Deno.test("quote() and literal() keep any name and any text one token", () => {
  const text = `it's "x"; --`;
  assert.deepEqual(db.query(`select ${literal(text)} as ${quote(text)}`), {
    columns: [text],
    types: ["VARCHAR"],
    rows: [[text]],
  });
});
