import assert from "node:assert/strict";
import { dirname } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { createHarnessFile, type HarnessFile, openWhole } from "../../../tests/support/harness.ts";
import { copyBytes, openReadable } from "./sqlite_open.ts";

const COUNT = "select count(*), coalesce(sum(length(claim)), 0) from harness_runs";

/** Rows of runs, and the characters of their claims, as the exporter sees them. */
async function countOf(path: string): Promise<number[]> {
  using harness = await openWhole(path);
  const [row] = harness.rows(COUNT);
  return row.map(Number);
}

async function withDirectory(use: (directory: string) => Promise<void> | void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-sqlite-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Adds runs with claims of 1,000 characters. */
function addRuns({ db }: HarnessFile, from: number, to: number): void {
  const insert = db.prepare("insert into runs (run_id, created_at, claim) values (?, 1756470896, ?)");
  for (let i = from; i < to; i++) insert.run(`run ${i}`, `${i}`.padEnd(1000, "x"));
}

/** A closed file of 200 runs, of about 60 pages. */
function createFile(path: string): void {
  using file = createHarnessFile(path);
  file.db.exec("begin");
  addRuns(file, 0, 200);
  file.db.exec("commit");
}

function refusal(path: string, finding: string): object {
  return { name: "TaskError", exitCode: 1, message: `Cannot read SQLite file "${path}": ${finding}` };
}

const DAMAGED = /^Cannot read SQLite file "[^"]+": it is (damaged|not a SQLite database)[^\n]*$/;

Deno.test("openHarness() sees rows that are in the -wal alone", async () => {
  await withDirectory(async (directory) => {
    const [path, copy] = [`${directory}/live.sqlite`, `${directory}/copy.sqlite`];
    using file = createHarnessFile(path);
    file.db.exec("pragma journal_mode = wal; pragma wal_autocheckpoint = 0; pragma wal_checkpoint(truncate)");
    const sizeBytes = (await Deno.stat(path)).size;
    addRuns(file, 0, 50);
    assert.equal((await Deno.stat(path)).size, sizeBytes);
    assert.deepEqual(await countOf(path), [50, 50_000]);
    // As a crash or a copy leaves them: no process has the files open, and the index of the -wal is gone.
    for (const suffix of ["", "-wal"]) await Deno.copyFile(path + suffix, copy + suffix);
    assert.deepEqual(await countOf(copy), [50, 50_000]);
  });
});

Deno.test("openHarness() holds one state while the harness writes on", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/heretix.sqlite`;
    using file = createHarnessFile(path);
    file.db.exec("pragma journal_mode = wal");
    addRuns(file, 0, 10);
    using harness = await openWhole(path);
    for (let i = 10; i < 20; i++) {
      addRuns(file, i, i + 1);
      assert.equal(Number(harness.rows(COUNT)[0][0]), 10);
    }
    assert.deepEqual(await countOf(path), [20, 20_000]);
  });
});

Deno.test("openHarness() does not see what is not committed, and says who is in the way", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/heretix.sqlite`;
    using file = createHarnessFile(path);
    addRuns(file, 0, 10);
    file.db.exec("begin immediate");
    addRuns(file, 10, 20);
    assert.deepEqual(await countOf(path), [10, 10_000]);
    file.db.exec("commit; begin exclusive");
    await assert.rejects(
      countOf(path),
      refusal(path, "another process has locked it; run the export again when it is done"),
    );
    file.db.exec("rollback");
    assert.deepEqual(await countOf(path), [20, 20_000]);
  });
});

Deno.test("openHarness() refuses a file whose journal has to be rolled back", async () => {
  await withDirectory(async (directory) => {
    const [path, copy] = [`${directory}/live.sqlite`, `${directory}/copy.sqlite`];
    createFile(path);
    const db = new DatabaseSync(path);
    db.exec("pragma cache_size = 2; begin; update runs set claim = upper(claim) || 'half of it'");
    for (const suffix of ["", "-journal"]) await Deno.copyFile(path + suffix, copy + suffix);
    db.exec("rollback");
    db.close();
    await assert.rejects(
      countOf(copy),
      refusal(copy, "it needs to be rolled back after a crash; open it once with sqlite3"),
    );
    const recovered = new DatabaseSync(copy);
    recovered.prepare("select count(*) from runs").get();
    recovered.close();
    assert.deepEqual(await countOf(copy), [200, 200_000]);
  });
});

Deno.test("openHarness() refuses a file that is cut", async () => {
  await withDirectory(async (directory) => {
    const [path, cut] = [`${directory}/whole.sqlite`, `${directory}/cut.sqlite`];
    createFile(path);
    const bytes = await Deno.readFile(path);
    for (const sizeBytes of [50, 1024, 4096, 3 * 4096, bytes.length / 2 | 0, bytes.length - 4096, bytes.length - 1]) {
      await Deno.writeFile(cut, bytes.subarray(0, sizeBytes));
      await assert.rejects(countOf(cut), { message: DAMAGED }, `${sizeBytes} of ${bytes.length} bytes`);
    }
  });
});

Deno.test("openHarness() refuses a file with a damaged page, wherever it is", async () => {
  await withDirectory(async (directory) => {
    const [path, damaged] = [`${directory}/whole.sqlite`, `${directory}/damaged.sqlite`];
    createFile(path);
    const bytes = await Deno.readFile(path);
    const db = new DatabaseSync(path);
    const root = db.prepare("select rootpage from sqlite_master where name = 'runs'").get()!.rootpage as number;
    db.close();
    const pages = bytes.length / 4096;
    for (const [page, fill] of [[root, 0], [root, 0xff], [pages / 2 | 0, 0], [pages / 2 | 0, 0xff], [pages, 0]]) {
      const changed = bytes.slice();
      changed.fill(fill, (page - 1) * 4096, page * 4096);
      await Deno.writeFile(damaged, changed);
      await assert.rejects(countOf(damaged), { message: DAMAGED }, `page ${page} of ${pages} is all ${fill}`);
    }
  });
});

Deno.test("openHarness() refuses what is no harness database, by its path", async () => {
  await withDirectory(async (directory) => {
    const at = (name: string) => `${directory}/${name}`;
    await Deno.writeTextFile(at("text"), "SQLite format 4\n".repeat(1000));
    await Deno.writeTextFile(at("empty"), "");
    await Deno.mkdir(at("directory"));
    await Deno.symlink(at("nowhere"), at("dangling"));
    await Deno.symlink(at("directory"), at("link to a directory"));
    const notFile = "it is not a file; name the harness's database";
    const missing = "it does not exist; name it with --sqlite or HERETIX_DB_PATH";
    const noRuns = "it has no table runs; name the harness's database";
    for (
      const [name, finding] of [
        ["text", "it is not a SQLite database; name the harness's database"],
        ["empty", noRuns],
        ["directory", notFile],
        ["link to a directory", notFile],
        ["dangling", missing],
        ["missing", missing],
        ["missing/file", missing],
      ]
    ) await assert.rejects(countOf(at(name)), refusal(at(name), finding));
    // Asking made none of them.
    await assert.rejects(Deno.lstat(at("missing")), Deno.errors.NotFound);
    assert.equal((await Deno.stat(at("empty"))).size, 0);
  });
});

Deno.test("openHarness() refuses tables without the columns that make a row, and text that is not UTF-8", async () => {
  await withDirectory(async (directory) => {
    const noHarness = (table: string, columns: string) =>
      `table ${table} has no column ${columns}; it is not a harness's`;
    const made = [
      ["create table other (x)", "it has no table runs; name the harness's database"],
      ["create table runs (x)", noHarness("runs", "run_id, created_at")],
      ["create table runs (run_id text)", noHarness("runs", "created_at")],
      [
        "create table runs (run_id, created_at); create table executions (run_id, created_at)",
        noHarness("executions", "execution_id"),
      ],
      [
        "pragma encoding = 'UTF-16le'; create table runs (run_id, created_at)",
        `its text is UTF-16le; convert it: sqlite3 '${directory}/4.sqlite' .dump | sqlite3 '${directory}/4.sqlite.utf8'`,
      ],
    ];
    for (const [index, [sql, finding]] of made.entries()) {
      const path = `${directory}/${index}.sqlite`;
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      await assert.rejects(countOf(path), refusal(path, finding));
    }
  });
});

Deno.test("openHarness() refuses what stands in for a table, however long it would go on", async () => {
  await withDirectory(async (directory) => {
    const endless =
      "with recursive n(i) as (select 1 union all select i + 1 from n) select i as run_id, i as created_at from n";
    const runs = "create table runs (run_id, created_at)";
    const made = [
      ["runs", `create view runs as ${endless}`],
      ["runs", "create virtual table runs using fts5(run_id, created_at)"],
      ["runs", "create table runs (run_id primary key, created_at) without rowid"],
      ["runs", "create table runs (run_id, created_at, _rowid_)"],
      ["executions", `${runs}; create view executions as select run_id as execution_id, * from (${endless})`],
      ["samples", `${runs}; create view samples as select run_id, 'm' as provider_model_id from (${endless})`],
    ];
    for (const [index, [table, sql]] of made.entries()) {
      const path = `${directory}/${index}.sqlite`;
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      await assert.rejects(countOf(path), refusal(path, `${table} is not a plain table; it is not a harness's`), sql);
    }
  });
});

Deno.test("openHarness() reads a clean WAL file where nothing can be written, and refuses one whose journal is hot", async () => {
  await withDirectory(async (directory) => {
    const [clean, hot] = ["clean", "hot"].map((name) => `${directory}/${name}/heretix.sqlite`);
    for (const path of [clean, hot]) {
      await Deno.mkdir(dirname(path));
      createFile(path);
    }
    {
      using db = new DatabaseSync(clean);
      db.exec("pragma journal_mode = wal");
    }
    {
      using db = new DatabaseSync(hot);
      db.exec("pragma cache_size = 2; begin; update runs set claim = upper(claim) || 'half of it'");
      await Deno.copyFile(`${hot}-journal`, `${directory}/journal`);
      db.exec("rollback");
      await Deno.copyFile(`${directory}/journal`, `${hot}-journal`);
    }
    const bytes = await Deno.readFile(clean);
    const scratch = `${directory}/scratch`;
    await Deno.writeTextFile(scratch, "");
    await Deno.chmod(scratch, 0o666);
    await Deno.chmod(directory, 0o777);
    for (const path of [clean, hot]) await Deno.chmod(dirname(path), 0o555);
    const asGuest = <T>(act: () => T): T => {
      if (Deno.uid() !== 0) return act();
      process.seteuid!(65534);
      try {
        return act();
      } finally {
        process.seteuid!(0);
      }
    };
    {
      using db = asGuest(() => openReadable(clean, scratch));
      assert.equal(db.prepare("select count(*) as rows from runs").get()!.rows, 200);
    }
    assert.throws(() => asGuest(() => openReadable(hot, scratch)), { errcode: 776 });
    assert.deepEqual(await Deno.readFile(clean), bytes);
    for (const path of [clean, hot]) await Deno.chmod(dirname(path), 0o755);
  });
});

Deno.test("openReadable() refuses a file that changes while its bytes are copied", async () => {
  await withDirectory(async (directory) => {
    const [path, scratch] = [`${directory}/heretix.sqlite`, `${directory}/scratch`];
    createFile(path);
    await Deno.writeFile(path, new Uint8Array(30_000_000), { append: true });
    await Deno.writeTextFile(scratch, "");
    const touch = new Deno.Command("sh", {
      args: ["-c", 'echo; while :; do touch -c "$0"; done', path],
      stdout: "piped",
    })
      .spawn();
    const output = touch.stdout.getReader();
    await output.read();
    assert.throws(
      () => {
        for (let copies = 0; copies < 100; copies++) copyBytes(path, scratch);
      },
      refusal(path, "another process has opened it; run the export again when it is done"),
    );
    touch.kill();
    await Promise.all([touch.status, output.cancel()]);
  });
});

Deno.test("openHarness() tells damage of the copy instead of ending its rows there", async () => {
  await withDirectory(async (directory) => {
    const [path, scratch] = [`${directory}/heretix.sqlite`, `${directory}/scratch`];
    createFile(path);
    using harness = await openWhole(path, { scratch });
    const bytes = await Deno.readFile(scratch);
    await Deno.writeFile(scratch, bytes.fill(0xff, bytes.length / 2));
    assert.throws(() => harness.rows("select claim from harness_runs"), { message: DAMAGED });
  });
});

Deno.test("openHarness() keeps its copy from others, and removes it in any case", async () => {
  await withDirectory(async (directory) => {
    const [path, scratch] = [`${directory}/heretix.sqlite`, `${directory}/scratch`];
    createFile(path);
    {
      using _harness = await openWhole(path, { scratch });
      assert.equal((await Deno.stat(scratch)).mode! & 0o777, 0o600);
    }
    await assert.rejects(Deno.stat(scratch), Deno.errors.NotFound);
    await Deno.writeFile(path, (await Deno.readFile(path)).subarray(0, 50_000));
    await assert.rejects(openWhole(path, { scratch }), { message: DAMAGED });
    await assert.rejects(Deno.stat(scratch), Deno.errors.NotFound);
    await assert.rejects(openWhole(path, { scratch: `${directory}/missing/scratch` }), {
      name: "TaskError",
      message: /^Cannot write "[^"]+missing\/scratch": No such file[^\n]*; make its directory writable$/,
    });
  });
});

Deno.test("openHarness() ends at once when its signal says so, and with what picking days throws", async () => {
  await withDirectory(async (directory) => {
    const [path, scratch] = [`${directory}/heretix.sqlite`, `${directory}/scratch`];
    createFile(path);
    const abort = new AbortController();
    const pick = () => {
      abort.abort(new Error("enough"));
      return new Set<string>();
    };
    await assert.rejects(openWhole(path, { scratch, pick, signal: abort.signal }), { message: "enough" });
    await assert.rejects(openWhole(path, { scratch, signal: abort.signal }), { message: "enough" });
    const fail = () => {
      throw new Error("no days");
    };
    await assert.rejects(openWhole(path, { scratch, pick: fail }), { message: "no days" });
    await assert.rejects(Deno.stat(scratch), Deno.errors.NotFound);
  });
});

Deno.test("openHarness() reads through a link, and changes nothing", async () => {
  await withDirectory(async (directory) => {
    const [path, link] = [`${directory}/it's "odd" 100%.sqlite`, `${directory}/link.sqlite`];
    createFile(path);
    await Deno.symlink(path, link);
    const before = await Deno.readFile(path);
    {
      using harness = await openWhole(link);
      assert.equal(harness.path, path);
    }
    assert.deepEqual(await countOf(link), [200, 200_000]);
    assert.deepEqual(await Deno.readFile(path), before);
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
    assert.equal(names.length, 2);
  });
});
