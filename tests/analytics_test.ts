import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommand } from "./support/command.ts";
import { createChecksDatabase } from "./support/export.ts";
import { sampleRow, writeSampleLake } from "./support/sample_lake.ts";

Deno.test("analytics prints a query as table, CSV, JSON and Markdown", async () => {
  await using lake = await writeSampleLake({
    "local/dt=2025-09-01/checks.parquet": [sampleRow("a", "2025-09-01", { seed: "18446744073709551615" })],
  });
  const env = { EXPORT_DIR: lake.directory };
  const sql = ["--sql", "select run_id, seed, user_id from checks;"];
  const table = await runCommand("analytics", sql, { env });
  assert.deepEqual([table.code, table.stderr], [0, ""]);
  assert.match(table.stdout, /^run_id +seed +user_id\n.*\na +18446744073709551615 +NULL\n\(1 row\)\n$/);
  const csv = await runCommand("analytics", [...sql, "--format", "csv", "--dir", lake.directory]);
  assert.equal(csv.stdout, "run_id,seed,user_id\r\na,18446744073709551615,\r\n");
  const json = await runCommand("analytics", [...sql, "--format", "json"], { env });
  assert.equal(json.stdout, '[\n  {"run_id": "a", "seed": "18446744073709551615", "user_id": null}\n]\n');
  const several = await runCommand("analytics", ["overview", "days", "--format", "md"], { env });
  assert.match(several.stdout, /^## overview: .*\n\n\| lane \|[^]*\n\n## days: /);
});

Deno.test("analytics without a name lists the queries, without a lake", async () => {
  const { code, stdout } = await runCommand("analytics", [], { env: { EXPORT_DIR: "data/no-such-lake" } });
  assert.equal(code, 0);
  assert.match(stdout, /^overview +Rows, runs and days of each lane, env and source; a row .*\n/);
  assert.match(
    stdout,
    /\n\n--param NAME=VALUE, [^]*\n {2}since +day +rows from [^]*\n {2}allowance takes since, until alone\n/,
  );
});

Deno.test("analytics ends with 2 on a wrong name, format or mix, and with 1 on an empty lake or bad SQL", async () => {
  const run = async (...args: string[]) => await runCommand("analytics", args, { env: { EXPORT_DIR: "data/none" } });
  assert.equal((await run("nope")).code, 2);
  assert.match(
    (await run("totls")).stderr,
    /^Cannot run query "totls": there is no such query; did you mean "totals"\? /,
  );
  assert.match(
    (await run("days", "--form", "csv")).stderr,
    /^Cannot run task .* '--form'; did you mean --format\? See /,
  );
  assert.equal((await run("days", "--format", "xml")).code, 2);
  assert.equal((await run("days", "--sql", "select 1")).code, 2);
  assert.equal((await run("days", "costs", "--format", "csv")).code, 2);
  const empty = await run("days");
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /^Cannot query lake "data\/none": .*; run deno task export first\n$/);
  await using lake = await writeSampleLake({ "local/dt=2025-09-01/checks.parquet": [sampleRow("a", "2025-09-01")] });
  const bad = await run("--sql", "select nope from checks", "--dir", lake.directory);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /^Cannot run query "--sql": Binder Error: .* \(line 1, near "nope from checks"\); correct /);
  for (
    const sql of ["select * from nope", "describe nope", "select 1 +", "with a as (select 1) insert into b from a"]
  ) {
    const { stderr } = await run("--sql", sql, "--dir", lake.directory);
    assert.match(stderr, /^Cannot run query "--sql": (Catalog|Parser) Error: /, sql);
    assert.doesNotMatch(stderr, /query_result|create or replace/, sql);
  }
});

Deno.test("analytics asks about the rows that --param, --since and --until tell", async () => {
  const rows = (
    day: string,
  ) => [sampleRow(`a-${day}`, day), sampleRow(`b-${day}`, day, { model: "'grok \"4\" it''s'" })];
  const days = ["2025-09-01", "2025-09-02", "2025-09-03"];
  await using lake = await writeSampleLake(
    Object.fromEntries(days.map((day) => [`local/dt=${day}/checks.parquet`, rows(day)])),
  );
  const run = (...args: string[]) => runCommand("analytics", [...args, "--dir", lake.directory]);
  const totals = await run("totals", "--format", "csv", "--param", 'model=grok "4" it\'s', "--until", "2025-09-02");
  assert.match(totals.stdout, /\r\n2,2,1,1,2025-09-01,2025-09-02,/);
  const own = ["--sql", "select run_id from executions order by all", "--format", "csv"];
  const since = await run(...own, "--since", "2025-09-03");
  assert.equal(since.stdout, "run_id\r\na-2025-09-03\r\nb-2025-09-03\r\n");
  assert.equal((await run(...own, "--param", "since=2025-09-03")).stdout, since.stdout);
});

Deno.test("analytics ends with 2 on a parameter that is not there, has no such value or is none of the query's", async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand("analytics", args, { env: { EXPORT_DIR: "data/none" } });
    assert.deepEqual([code, stdout], [2, ""]);
    return stderr;
  };
  assert.match(await run("days", "--param", "modle=x"), /^Cannot take parameter "modle": .*; take one of model, env, /);
  assert.match(await run("days", "--since", "today"), /^Cannot take parameter "since": "today" is no day; /);
  assert.match(await run("days", "--since", "2025-09-01", "--param", "since=2025-09-01"), /: it is given twice; /);
  assert.match(await run("days", "allowance", "--param", "env=a"), /^Cannot run query "allowance": it takes no /);
});

Deno.test("analytics --sql takes one statement that reads, and reaches no file but the lake's", async () => {
  const file = "local/dt=2025-09-01/checks.parquet";
  await using lake = await writeSampleLake({ [file]: [sampleRow("a", "2025-09-01")] });
  await Deno.writeTextFile(join(lake.directory, "secret.csv"), "word\nopensesame\n");
  const run = async (sql: string) => await runCommand("analytics", ["--sql", sql, "--dir", lake.directory]);
  const summary = await run("summarize checks");
  assert.deepEqual([summary.code, summary.stderr], [0, ""]);
  assert.match(summary.stdout, /^column_name .*\n.*\nid /);
  assert.match((await run("/* columns */ describe checks; -- all")).stdout, /\nseed +DECIMAL\(20,0\)/);
  assert.match((await run("show tables")).stdout, /^name *\n[^]*\nchecks *\nchecks_latest/);
  const own = await run(`select run_id from read_parquet('${join(lake.directory, file)}')`);
  assert.match(own.stdout, /\na\n\(1 row\)\n$/);
  for (
    const sql of ["select 1; drop view checks", "copy checks to 'data/x.csv'", "attach 'x.db'", "set threads = 1", ""]
  ) {
    const { code, stdout, stderr } = await run(sql);
    assert.deepEqual([code, stdout], [2, ""], sql);
    assert.match(stderr, /^Cannot run query "--sql": it takes /, sql);
  }
  const secret = join(lake.directory, "secret.csv");
  for (
    const sql of [
      `select * from read_csv_auto('${secret}')`,
      `select * from read_csv('${secret}', columns = {'word': 'varchar'}, auto_detect = false)`,
      `from '${secret}'`,
      `from '${lake.directory}/*.csv'`,
      `select * from parquet_metadata('${secret}')`,
      `with a as (select 1) insert into checks select * from a`,
    ]
  ) {
    const { code, stdout, stderr } = await run(sql);
    assert.deepEqual([code, stdout], [1, ""], sql);
    assert.match(stderr, /^Cannot run query "--sql": (IO|Parser) Error: /, sql);
    assert.doesNotMatch(stderr, /opensesame/);
  }
  assert.match((await run(`from glob('${lake.directory}/s*')`)).stdout, /\(0 rows\)/);
});

Deno.test("analytics says so where exports found no rows", async () => {
  const directory = await Deno.makeTempDir({ prefix: "heretix-empty-" });
  try {
    await using database = await createChecksDatabase();
    const env = { DATABASE_URL: database.url, EXPORT_DIR: directory };
    assert.equal((await runCommand("export", ["checks"], { env })).code, 0);
    for (const task of ["analytics days", "report"]) {
      const [name, ...args] = task.split(" ");
      const { code, stderr } = await runCommand(name, args, { env });
      assert.equal(code, 1);
      const finding =
        "what was exported to it has no rows (local); add some, by deno task db:seed for example, and export again";
      assert.equal(stderr, `Cannot query lake "${directory}": ${finding}\n`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("analytics prints all rows of a table in a pipe, and of any format the first ones with --limit", async () => {
  await using lake = await writeSampleLake({ "local/dt=2025-09-01/checks.parquet": [sampleRow("a", "2025-09-01")] });
  const sql = ["--sql", "select i * 1000 as n from range(1500) as t(i)", "--dir", lake.directory];
  const run = (...args: string[]) => runCommand("analytics", [...sql, ...args]);
  const all = await run();
  assert.match(all.stdout, /^ +n\n.*\n +0\n[^]*\n1499000\n\(1500 rows\)\n$/);
  assert.equal(all.stdout.split("\n").length, 1504);
  assert.match((await run("--limit", "1")).stdout, /\n0\n\(1 of 1500 rows, --limit for more\)\n$/);
  const csv = await run("--limit", "2", "--format", "csv");
  assert.deepEqual([csv.stdout, csv.stderr], ["n\r\n0\r\n1000\r\n", "Printed 2 of 1500 rows\n"]);
  assert.equal((await run("--format", "csv")).stdout.split("\r\n").length, 1502);
  assert.equal(JSON.parse((await run("--limit", "3", "--format", "json", "--quiet")).stdout).length, 3);
  assert.equal((await run("--limit", "0")).code, 2);
});
