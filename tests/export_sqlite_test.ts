import assert from "node:assert/strict";
import { createChecksDatabase, createExportDirectory, insertCheck } from "./support/export.ts";
import { createHarnessFile } from "./support/harness.ts";

/** 2025-09-01T00:00:00Z. */
const MIDNIGHT = 1756684800;

Deno.test("export --from sqlite takes executions and runs to the second reader unchanged, and appends", async () => {
  await using directory = await createExportDirectory();
  const [old, recent] = [`${directory.path}/old.sqlite`, `${directory.path}/recent.sqlite`];
  const args = ["--from", "sqlite", "--sqlite", old, "--sqlite", recent];
  {
    using file = createHarnessFile(old, "runs");
    file.insert("runs", {
      run_id: "old",
      created_at: MIDNIGHT - 1,
      claim: "\u{1F9EA}",
      seed: "18446744073709551615",
      bootstrap_seed: "18446744073709551615",
      config_json: '{"seed": 18446744073709551615}',
      prob_true_rpl: 0.1,
    });
  }
  {
    using file = createHarnessFile(recent);
    const cells = { run_id: "recent", created_at: MIDNIGHT, seed: "0", bootstrap_seed: "18446744073709551614" };
    file.insert("runs", { ...cells, provider: "xai", cost_usd: 0.25 });
    file.insert("executions", { execution_id: "e1", ...cells, pqs: 50 });
    const first = await directory.run(args);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stderr, `Warning: 1 seeds in ${old} are REAL and have lost their digits; they are NULL\n`);
    file.insert("executions", { execution_id: "e2", ...cells, created_at: MIDNIGHT + 86_399 });
  }
  assert.equal((await directory.run(args)).code, 0);
  const lane = await directory.read();
  assert.deepEqual(lane.map(({ path }) => path), ["dt=2025-08-31/checks.parquet", "dt=2025-09-01/checks.parquet"]);
  const rows = lane.flatMap(({ rows }) => rows);
  assert.deepEqual(
    rows.map((row) => [row.run_id, row.execution_id, row.seed, row.bootstrap_seed, row.created_at, row.cost_usd]),
    [
      ["old", null, 18446744073709551615n, null, 1756684799000000n, null],
      ["recent", "e1", 0n, 18446744073709551614n, 1756684800000000n, 250000n],
      ["recent", "e2", 0n, 18446744073709551614n, 1756771199000000n, null],
    ],
  );
  assert.deepEqual(rows.map(({ claim, source, env, mode }) => [claim, source, env, mode]), [
    ["\u{1F9EA}", "sqlite", "local", "baseline"],
    [null, "sqlite", "local", "baseline"],
    [null, "sqlite", "local", "baseline"],
  ]);
});

Deno.test("export of either source keeps the other one's rows of a day", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const env = { DATABASE_URL: database.url };
  const path = `${directory.path}/it's "odd" 100%.sqlite`;
  using file = createHarnessFile(path);
  file.insert("runs", { run_id: "harness", created_at: MIDNIGHT });
  await database.sql.unsafe(insertCheck("postgres 1"));
  const sources = async () => (await directory.read()).flatMap(({ rows }) => rows.map(({ run_id }) => run_id)).sort();
  const exportFrom = async (...args: string[]) => {
    const { code, stderr } = await directory.run(args, env);
    assert.equal(code, 0, stderr);
    return await sources();
  };
  assert.deepEqual(await exportFrom("--from", "all", "--sqlite", path), ["harness", "postgres 1"]);
  await database.sql.unsafe(insertCheck("postgres 2") + "delete from checks where run_id = 'postgres 1'");
  assert.deepEqual(await exportFrom("--from", "postgres"), ["harness", "postgres 2"]);
  file.db.exec("update runs set claim = 'changed'");
  assert.deepEqual(await exportFrom("--from", "sqlite", "--sqlite", path), ["harness", "postgres 2"]);
  assert.deepEqual((await directory.read())[0].rows.map(({ claim }) => claim).sort(), ["changed", null]);
});

Deno.test("export replaces no day that would hold fewer rows of the other source than the lane says", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  using file = createHarnessFile(`${directory.path}/runs.sqlite`);
  file.insert("runs", { run_id: "harness", created_at: MIDNIGHT });
  const env = { DATABASE_URL: database.url, HERETIX_DB_PATH: `${directory.path}/runs.sqlite` };
  await database.sql.unsafe(insertCheck("postgres 1"));
  assert.equal((await directory.run(["--from", "all"], env)).code, 0);
  const manifest = `${directory.path}/lake/local/_manifest.json`;
  const text = await Deno.readTextFile(manifest);
  assert.ok(text.includes('"sqlite": 1'));
  await Deno.writeTextFile(manifest, text.replace('"sqlite": 1', '"sqlite": 2'));
  await database.sql.unsafe(insertCheck("postgres 2"));
  const before = await directory.state();
  const { code, stderr } = await directory.run([], env);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot export day "2025-09-01": 1 of its 2 rows of sqlite were staged, nothing was replaced/);
  assert.deepEqual(await directory.state(), before);
});

Deno.test("export --from sqlite touches no partition where a file cannot be taken as it is", async () => {
  await using directory = await createExportDirectory();
  const at = (name: string) => `${directory.path}/${name}`;
  const args = (name: string) => ["--from", "sqlite", "--sqlite", at("good.sqlite"), "--sqlite", at(name)];
  {
    using file = createHarnessFile(at("good.sqlite"));
    file.insert("runs", { run_id: "good", created_at: MIDNIGHT });
    assert.equal((await directory.run(args("good.sqlite"))).code, 0);
    file.insert("runs", { run_id: "later", created_at: MIDNIGHT });
  }
  const before = await directory.state();
  const bytes = await Deno.readFile(at("good.sqlite"));
  await Deno.writeFile(at("cut.sqlite"), bytes.subarray(0, bytes.length / 2));
  await Deno.writeTextFile(at("text.sqlite"), "no database");
  {
    using file = createHarnessFile(at("typed.sqlite"));
    file.insert("runs", { run_id: "typed", created_at: MIDNIGHT, ci_hi: "high" });
    using late = createHarnessFile(at("fraction.sqlite"));
    late.insert("runs", { run_id: "fraction", created_at: MIDNIGHT, seed: "1.5" });
  }
  for (
    const [name, finding] of [
      ["cut.sqlite", /^Cannot read SQLite file "[^"]+cut\.sqlite": it is damaged/],
      ["text.sqlite", /^Cannot read SQLite file "[^"]+text\.sqlite": it is not a SQLite database/],
      ["missing.sqlite", /^Cannot read SQLite file "[^"]+missing\.sqlite": it does not exist/],
      ["typed.sqlite", /^Cannot export SQLite file "[^"]+typed\.sqlite": run "typed" has in column "ci_hi" text,/],
      [
        "fraction.sqlite",
        /^Cannot export [^\n]*run "fraction" has in column "seed" a number of more than 0 digits after/,
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await directory.run(args(name));
    assert.deepEqual([code, stdout], [1, ""], name);
    assert.match(stderr, finding);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
    assert.deepEqual(await directory.state(), before, name);
  }
});

Deno.test("export --skip-bad-rows names each row that it leaves out once, those without a day too", async () => {
  await using directory = await createExportDirectory();
  const path = `${directory.path}/runs.sqlite`;
  {
    using file = createHarnessFile(path);
    file.insert("runs", { run_id: "good", created_at: MIDNIGHT });
    file.insert("runs", { run_id: "typed", created_at: MIDNIGHT, ci_hi: "high" });
    file.insert("runs", { run_id: "text", created_at: "2025-09-01" });
  }
  const args = ["--from", "sqlite", "--sqlite", path];
  const refused = await directory.run(args);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^Cannot export SQLite file [^\n]*: run "text" has in column "created_at" text that is not /,
  );
  const { code, stderr } = await directory.run([...args, "--skip-bad-rows"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.trimEnd().split("\n"), [
    'Warning: Left out run "text": has in column "created_at" text that is not epoch seconds of the years 1 to 9999',
    'Warning: Left out run "typed": has in column "ci_hi" text, not a number',
    "Warning: 2 rows were left out",
  ]);
  assert.deepEqual((await directory.read()).flatMap(({ rows }) => rows.map(({ run_id }) => run_id)), ["good"]);
});

Deno.test("export of a file keeps other files' rows of its days, those without a run_id and with an empty one too", async () => {
  await using directory = await createExportDirectory();
  const exportFile = async (name: string, ...args: string[]) => {
    const { code, stderr } = await directory.run([
      "--from",
      "sqlite",
      "--sqlite",
      `${directory.path}/${name}`,
      ...args,
    ]);
    assert.equal(code, 0, stderr);
    const [{ rowGroups, rows }] = await directory.read();
    return { groups: rowGroups.length, runs: rows.map((row) => `${row.run_id}`).sort() };
  };
  const fillFile = (name: string, runs: readonly (string | null)[], claim = "") => {
    using file = createHarnessFile(`${directory.path}/${name}`);
    for (const run_id of runs) file.insert("runs", { run_id, created_at: MIDNIGHT, claim });
  };
  // So long that the day has two row groups, both of which are kept by the next export.
  const long = Array.from({ length: 70 }, (_, i) => `long ${i}`);
  fillFile("one", [null, ...long], "x".repeat(1_000_000));
  fillFile("two", ["", "b"]);
  assert.deepEqual(await exportFile("one"), { groups: 2, runs: ["null", ...long].sort() });
  assert.deepEqual((await exportFile("two")).runs, ["", "b", "null", ...long].sort());
  assert.deepEqual((await exportFile("one", "--full")).runs, ["", "b", "null", ...long].sort());
});
