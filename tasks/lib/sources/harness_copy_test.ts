import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createHarnessFile, type HarnessFile, type HarnessRow } from "../../../tests/support/harness.ts";
import type { Day } from "../dataset/day.ts";
import { copyHarness } from "./harness_copy.ts";
import { COST_COLUMNS, EXECUTION_COLUMNS, SHARED_COLUMNS } from "./harness_columns.ts";
import type { CopyRequest, PickDays } from "./harness_messages.ts";
import { copyRows } from "./harness_rows.ts";
import { readTables } from "./sqlite_tables.ts";

/** 2025-08-29T12:34:56Z. */
const NOON = 1756470896;

const DAY_SECONDS = 86_400;

/** A harness's file in a directory of its own, and copies of it. */
interface Bench extends Disposable {
  readonly file: HarnessFile;
  readonly path: string;
  /** Copies what is asked for, and opens the copy. */
  copy(request?: Partial<CopyRequest>, pick?: PickDays): Promise<Copy>;
}

interface Copy {
  readonly keys: ReadonlyMap<Day, string>;
  /** The first column of a query over the copy. */
  list(sql: string): unknown[];
}

function createBench(journalMode = "delete"): Bench {
  const directory = Deno.makeTempDirSync({ prefix: "heretix-copy-" });
  const path = join(directory, "heretix.sqlite");
  const file = createHarnessFile(path);
  file.db.exec(`pragma journal_mode = ${journalMode}`);
  let copies = 0;
  return {
    file,
    path,
    async copy(request = {}, pick) {
      const scratch = join(directory, `copy ${copies++}`);
      await Deno.writeTextFile(scratch, "");
      const keys = await copyHarness({ path, scratch, range: {}, ...request }, pick);
      return { keys, list: (sql) => listOf(scratch, sql) };
    },
    [Symbol.dispose]() {
      file.db.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

function listOf(path: string, sql: string): unknown[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all().map((row) => Object.values(row)[0]);
}

const at = (id: string, days: number, more: HarnessRow = {}): HarnessRow => ({
  run_id: id,
  created_at: NOON + days * DAY_SECONDS,
  ...more,
});

const RUNS = "select run_id from copy_runs order by 1";
const EXECUTIONS = "select execution_id from copy_executions order by 1";

/** Executions e0, e1 and e2 of three days, of the runs r0, r1 and r2, and the run "lone" of the second day. */
function fillDays({ insert }: HarnessFile): void {
  for (const day of [0, 1, 2]) {
    insert("runs", at(`r${day}`, day, { provider: "xai" }));
    insert("executions", at(`r${day}`, day, { execution_id: `e${day}` }));
    for (const model of ["b", "a"]) {
      insert("samples", { run_id: `r${day}`, cache_key: `${model}${day}`, provider_model_id: `${model}${day}` });
    }
  }
  insert("runs", at("lone", 1, { claim: "c" }));
}

for (const mode of ["delete", "wal"]) {
  Deno.test(`copyHarness() copies executions, lone runs, costs and one sample a run in mode ${mode}`, async () => {
    using bench = createBench(mode);
    fillDays(bench.file);
    const { keys, list } = await bench.copy();
    assert.deepEqual(list(EXECUTIONS), ["e0", "e1", "e2"]);
    assert.deepEqual(list(RUNS), ["lone"]);
    assert.deepEqual(list("select run_id from copy_costs order by 1"), ["lone", "r0", "r1", "r2"]);
    assert.deepEqual(list("select min(provider_model_id) from copy_samples group by run_id"), ["a0", "a1", "a2"]);
    assert.deepEqual([...keys].map(([day, key]) => [day, key.split(":")[0]]), [
      ["2025-08-29", "1"],
      ["2025-08-30", "2"],
      ["2025-08-31", "1"],
    ]);
  });

  Deno.test(`copyHarness() keeps every value and its storage class in mode ${mode}`, async () => {
    using bench = createBench(mode);
    const values = ["null", "9223372036854775807", "-1", "0.1", "1e300", "1.0", "'007'", "''", "x''", "x'00ff'"];
    const texts = ["cast(x'6100620a' as text)", "cast(x'c328ff' as text)", "'18446744073709551615'", "'1e3'"];
    bench.file.db.exec("drop table runs; drop table executions");
    bench.file.db.exec(`create table runs (${[...new Set([...SHARED_COLUMNS, ...COST_COLUMNS])]});
      create table executions (${EXECUTION_COLUMNS})`);
    for (const table of ["runs", "executions"]) {
      const columns = table === "runs" ? SHARED_COLUMNS : EXECUTION_COLUMNS;
      for (const value of [...values, ...texts]) {
        const cells = columns.map((name) =>
          name === "created_at" ? NOON : name === "run_id" ? "'of ' || random()" : value
        );
        bench.file.db.exec(`insert into ${table} (${columns}) values (${cells})`);
      }
    }
    const { list } = await bench.copy();
    for (const [table, columns] of [["runs", SHARED_COLUMNS], ["executions", EXECUTION_COLUMNS]] as const) {
      const exact = columns.map((name) =>
        `typeof("${name}") || coalesce(hex("${name}"), '') || format('%!.20g', "${name}")`
      );
      const sql = (from: string) => `select ${exact.join(" || ' ' || ")} from ${from}`;
      assert.deepEqual(list(`${sql(`copy_${table}`)} order by 1`), listOf(bench.path, `${sql(table)} order by 1`));
    }
  });

  Deno.test(`copyHarness() copies the rows of the picked days, and those of none, in mode ${mode}`, async () => {
    using bench = createBench(mode);
    fillDays(bench.file);
    bench.file.insert("runs", { run_id: "odd", created_at: "2025-08-29" });
    const all = (await bench.copy()).keys;
    const asked: unknown[] = [];
    const { keys, list } = await bench.copy({}, (keys) => {
      asked.push(...keys);
      return Promise.resolve(new Set(["2025-08-30"]));
    });
    assert.deepEqual(asked, [...all]);
    assert.deepEqual([...keys], [...all]);
    assert.deepEqual(list(EXECUTIONS), ["e1"]);
    assert.deepEqual(list(RUNS), ["lone", "odd"]);
    assert.deepEqual(list("select min(provider_model_id) from copy_samples group by run_id"), ["a1"]);
  });
}

Deno.test("copyHarness() copies the days of a range, and gives the keys of these alone", async () => {
  using bench = createBench();
  fillDays(bench.file);
  const all = (await bench.copy()).keys;
  const { keys, list } = await bench.copy({ range: { since: "2025-08-30", until: "2025-08-30" } });
  assert.deepEqual([...keys], [["2025-08-30", all.get("2025-08-30")]]);
  assert.deepEqual([list(EXECUTIONS), list(RUNS)], [["e1"], ["lone"]]);
});

Deno.test("copyHarness() copies one run's rows alone, and gives no keys", async () => {
  using bench = createBench();
  fillDays(bench.file);
  bench.file.insert("executions", at("r2", 0, { execution_id: "again" }));
  const { keys, list } = await bench.copy({ run: "r2" });
  assert.deepEqual([...keys], []);
  assert.deepEqual([list(EXECUTIONS), list(RUNS)], [["again", "e2"], []]);
  assert.deepEqual((await bench.copy({ run: "lone" })).list(RUNS), ["lone"]);
});

Deno.test("copyHarness() gives a day another key for each row that comes, goes or moves, and for nothing else", async () => {
  using bench = createBench();
  fillDays(bench.file);
  const { db } = bench.file;
  const keyOf = async () => (await bench.copy()).keys.get("2025-08-30");
  const first = await keyOf();
  db.exec(`update executions set claim = 'other'; update runs set model = 'other';
    create temp table aside as select * from executions where execution_id = 'e1';
    insert into aside select * from aside;
    update aside set execution_id = 'e0' || rowid;
    insert into executions select * from aside order by execution_id`);
  const three = await keyOf();
  db.exec("delete from executions where execution_id in (select execution_id from aside)");
  assert.equal(await keyOf(), first);
  db.exec("insert into executions select * from aside order by execution_id desc; vacuum");
  assert.equal(await keyOf(), three);
  db.exec("delete from executions where execution_id in (select execution_id from aside)");
  const seen = new Set([first]);
  for (
    const change of [
      "insert into executions (execution_id, run_id, created_at) select 'e3', run_id, created_at from executions where execution_id = 'e1'",
      "update executions set execution_id = 'e4' where execution_id = 'e3'",
      "delete from executions where execution_id = 'e4'; delete from runs where run_id = 'lone'",
      `insert into runs (run_id, created_at) values ('lone', ${NOON + DAY_SECONDS + 1})`,
      `update executions set created_at = ${NOON} where execution_id = 'e1'`,
    ]
  ) {
    db.exec(change);
    const key = await keyOf();
    assert.ok(!seen.has(key), change);
    seen.add(key);
  }
});

/** Replaces a run as the harness does: the row gets another place, and here another second. */
function replaceRun({ db }: HarnessFile, id: string): void {
  db.exec(`insert or replace into runs (run_id, created_at, claim)
    select run_id, created_at + 1, coalesce(claim, '') || 'x' from runs where run_id = '${id}'`);
}

Deno.test("copyHarness() begins again when the file changes, five times, and takes every row once then", async () => {
  using bench = createBench();
  fillDays(bench.file);
  let asked = 0;
  const { keys, list } = await bench.copy({}, (keys) => {
    asked++;
    replaceRun(bench.file, "lone");
    bench.file.insert("executions", at("later", 1, { execution_id: `later ${asked}` }));
    return Promise.resolve(new Set(keys.keys()));
  });
  assert.equal(asked, 6);
  assert.deepEqual(list("select claim from copy_runs"), ["cxxxxxx"]);
  assert.deepEqual(list(EXECUTIONS), ["e0", "e1", "e2", ...[1, 2, 3, 4, 5].map((n) => `later ${n}`)]);
  // The keys are those of the rows that were copied: a file that holds just them has the same.
  bench.file.db.exec("delete from executions where execution_id = 'later 6'");
  assert.deepEqual([...keys], [...(await bench.copy()).keys]);
});

Deno.test("copyHarness() takes no other row for one whose place it has got", async () => {
  using bench = createBench();
  fillDays(bench.file);
  let asked = 0;
  const { list } = await bench.copy({}, (keys) => {
    if (++asked < 6) bench.file.db.exec(`update runs set K = ${asked}`);
    else {
      bench.file.db.exec("delete from runs where run_id = 'lone'");
      bench.file.insert("runs", at("other", 1));
      bench.file.insert("executions", at("other", 1, { execution_id: "of other" }));
    }
    return Promise.resolve(new Set(keys.keys()));
  });
  assert.deepEqual(list(RUNS), []);
});

Deno.test("copyHarness() takes an execution for one, with its costs, that comes with its run between two reads", async () => {
  using bench = createBench();
  fillDays(bench.file);
  for (const steady of [true, false]) {
    using db = new DatabaseSync(bench.path, { readOnly: true });
    const id = `late, ${steady}`;
    // Between the reading of the runs' keys and of the executions'.
    const prepare = db.prepare.bind(db);
    let reads = 0;
    db.prepare = (sql) => {
      if (/into temp\.(run|execution)_keys/.test(sql) && ++reads === 2) {
        bench.file.insert("runs", at(id, 1, { provider: "openai" }));
        bench.file.insert("executions", at(id, 1, { execution_id: id }));
      }
      return prepare(sql);
    };
    await copyRows({
      db,
      tables: readTables(db, bench.path),
      request: { path: bench.path, scratch: "", range: {} },
      expectSame: steady ? () => {} : undefined,
    });
    const rows = (sql: string) => db.prepare(sql).all(id).map((row) => Object.values(row)[0]);
    assert.deepEqual(rows("select run_id from temp.copy_runs where run_id = ?"), []);
    assert.deepEqual(rows("select execution_id from temp.copy_executions where run_id = ?"), [id]);
    if (!steady) assert.deepEqual(rows("select provider from temp.copy_costs where run_id = ?"), ["openai"]);
  }
});

Deno.test("copyHarness() takes one state where the file is left alone once", async () => {
  using bench = createBench();
  fillDays(bench.file);
  let asked = 0;
  const { list } = await bench.copy({}, (keys) => {
    if (++asked < 3) replaceRun(bench.file, "lone");
    return Promise.resolve(new Set(keys.keys()));
  });
  assert.deepEqual([asked, list("select claim from copy_runs")], [3, ["cxx"]]);
});

Deno.test("copyHarness() refuses a file that is rebuilt again and again: its rows move", async () => {
  using bench = createBench();
  fillDays(bench.file);
  await assert.rejects(
    bench.copy({}, (keys) => {
      bench.file.db.exec("vacuum");
      return Promise.resolve(new Set(keys.keys()));
    }),
    {
      name: "TaskError",
      message:
        `Cannot read SQLite file "${bench.path}": another process rebuilds it; run the export again when it is done`,
    },
  );
});

Deno.test("copyHarness() holds no lock while it waits, and none in the end", async () => {
  for (const mode of ["delete", "wal"]) {
    using bench = createBench(mode);
    fillDays(bench.file);
    let asked = 0;
    await bench.copy({}, (keys) => {
      if (asked++ < 5) replaceRun(bench.file, "lone");
      return Promise.resolve(new Set(keys.keys()));
    });
    bench.file.db.exec("pragma locking_mode = exclusive; begin exclusive; rollback");
  }
});

/** Bytes of the file with one page filled. */
function damagePage(bytes: Uint8Array, page: number, fill: number): Uint8Array {
  return bytes.slice().fill(fill, (page - 1) * 4096, page * 4096);
}

/** Reads the rows of a file as they are read where it is too large to be checked as a whole. */
async function readRows(path: string): Promise<void> {
  using db = new DatabaseSync(path, { readOnly: true });
  await copyRows({
    db,
    tables: readTables(db, path),
    request: { path, scratch: "", range: {} },
    expectSame: () => {},
  });
}

Deno.test("copyHarness() finds a damaged page of each table, also while it reads the rows alone", async () => {
  using bench = createBench();
  for (const table of ["runs", "executions", "samples"]) {
    const [id, rest] = table === "samples" ? ["cache_key", "provider_model_id"] : [
      table === "runs" ? "run_id" : "execution_id",
      "claim",
    ];
    bench.file.db.exec(`
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
      insert into ${table} (${id}, created_at, ${rest}) select 'id ' || i, ${NOON}, printf('%.*c', case when i = 100 then 20000 else 700 end, 'x') from n`);
  }
  const bytes = await Deno.readFile(bench.path);
  const damaged = `${bench.path} damaged`;
  const pages = bench.file.db.prepare(
    "select name, pageno as page, pagetype as kind from dbstat where name in ('runs', 'executions', 'samples')",
  ).all() as unknown as { name: string; page: number; kind: string }[];
  for (const table of ["runs", "executions", "samples"]) {
    const own = pages.filter(({ name }) => name === table);
    const tree = own.filter(({ kind }) => kind !== "overflow");
    assert.ok(tree.length > 10);
    for (const { page } of [tree[0], tree[1], tree[tree.length >> 1], tree.at(-1)!]) {
      for (const fill of [0, 0xff]) {
        await Deno.writeFile(damaged, damagePage(bytes, page, fill));
        const what = `${table}, page ${page}, all ${fill}`;
        await assert.rejects(bench.copy({ path: damaged }), { message: /": it is damaged[^\n]* \.recover$/ }, what);
        await assert.rejects(readRows(damaged), { message: /malformed|damaged/ }, what);
      }
    }
    // The end of a long text, which reading takes as it is.
    const { page } = own.find(({ kind, page }) => kind === "overflow" && bytes[(page - 1) * 4096 + 3] === 0)!;
    await Deno.writeFile(damaged, damagePage(bytes, page, 0xff));
    await assert.rejects(bench.copy({ path: damaged }), { message: /": it is damaged \(quick_check of / }, table);
  }
});

Deno.test("copyHarness() finds that a damaged page hides rows without an error", async () => {
  using bench = createBench();
  const { db } = bench.file;
  const add = (from: number, to: number) =>
    db.exec(`
      with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${to})
      insert into runs (run_id, created_at, claim) select 'id ' || i, ${NOON}, printf('%.*c', 700, 'x') from n`);
  add(1, 100);
  const before = await Deno.readFile(bench.path);
  add(101, 200);
  const after = await Deno.readFile(bench.path);
  const { root } = db.prepare("select rootpage as root from sqlite_master where name = 'runs'").get() as {
    root: number;
  };
  // The tree of the rows as it was is whole, but leads to half of them.
  after.set(before.subarray((root - 1) * 4096, root * 4096), (root - 1) * 4096);
  const damaged = `${bench.path} damaged`;
  await Deno.writeFile(damaged, after);
  await assert.rejects(readRows(damaged), { message: /it is damaged \(rows of runs are missing\); recover it/ });
});

Deno.test("copyHarness() takes no rule of a table for damage, nor time for it", async () => {
  using bench = createBench();
  const { db } = bench.file;
  const slow = `like('${"%a".repeat(4)}%b', claim)`;
  db.exec(`drop table runs; create table runs (run_id, created_at, claim, check (${slow}));
    pragma ignore_check_constraints = on;
    insert into runs values ('r', ${NOON}, '${"a".repeat(200)}')`);
  assert.deepEqual((await bench.copy()).list(RUNS), ["r"]);
});

Deno.test("copyHarness() reads samples by their index where there is one", async () => {
  using bench = createBench();
  fillDays(bench.file);
  bench.file.db.exec("create index samples_run on samples (run_id)");
  const { list } = await bench.copy({ run: "r1" });
  assert.deepEqual(list("select provider_model_id from copy_samples"), ["a1"]);
});

Deno.test("copyHarness() reads tables with rowids of any size", async () => {
  using bench = createBench();
  const places = [-(2n ** 63n), -5n, 0n, 1n, 70_000n, 2n ** 40n, 2n ** 63n - 1n];
  const insert = bench.file.db.prepare("insert into runs (rowid, run_id, created_at) values (?, ?, ?)");
  for (const place of places) insert.run(place, `at ${place}`, NOON);
  assert.deepEqual((await bench.copy()).list(RUNS), places.map((place) => `at ${place}`).sort());
});
