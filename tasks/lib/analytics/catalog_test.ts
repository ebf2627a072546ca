import assert from "node:assert/strict";
import { type SampleRow, sampleRow, writeSampleLake } from "../../../tests/support/sample_lake.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { literal } from "../parquet/quote.ts";
import type { TaskError } from "../task/errors.ts";
import { openCatalog } from "./catalog.ts";
import { catalogAsking, catalogOver } from "./catalog_views.ts";
import { nativeCommand } from "./native_command.ts";
import { type Asked, PARAMETER_NAMES, PARAMETERS } from "./parameters.ts";
import { parseQueries, pickQueries } from "./queries.ts";

const QUERIES = parseQueries(await Deno.readTextFile(new URL("../../../analytics/queries.sql", import.meta.url)));

/** A signal that nothing aborts. */
const NEVER = new AbortController().signal;

function usageRow(user: string, month: string, plan: string, used: number, allowed: number): SampleRow {
  return {
    id: `'${user} ${month}'`,
    user_id: `'${user}'`,
    period_start: `date '${month}'`,
    plan: `'${plan}'`,
    checks_used: `${used}`,
    checks_allowed: `${allowed}`,
  };
}

/** Rows by path: two prompt versions on two claims, three models, both modes, users, costs, re-runs, two envs. */
const FILES: Readonly<Record<string, readonly SampleRow[]>> = {
  "local/dt=2025-08-30/checks.parquet": [
    sampleRow("old-a", "2025-08-30", { prob_true_rpl: "0.2", ci_width: "0.2", stability_score: "0.7", pqs: "70" }),
    sampleRow("old-b", "2025-08-30", {
      claim: "'Fire is cold'",
      claim_hash: "'c2'",
      prob_true_rpl: "0.4",
      ci_width: "0.1",
      stability_score: "0.9",
    }),
    sampleRow("seeds", "2025-08-30", { seed: "18446744073709551615", model: "'grok-4'", env: "'staging'" }),
  ],
  "local/dt=2025-09-01/checks.parquet": [
    sampleRow("new-a", "2025-09-01", {
      prompt_version: "'v2'",
      prob_true_rpl: "0.9",
      ci_width: "0.1",
      stability_score: "0.8",
      pqs: "80",
      gate_compliance_ok: "true",
      gate_stability_ok: "true",
      gate_precision_ok: "false",
      cache_hit_rate: "1",
      was_cached: "true",
      user_id: "'u1'",
      execution_id: "'e1'",
      request_id: "'r1'",
      source: "'sqlite'",
    }),
    sampleRow("new-b", "2025-09-01", {
      claim: "'Fire is cold'",
      claim_hash: "'c2'",
      prompt_version: "'v2'",
      ci_width: "0.3",
      stability_score: "0.9",
    }),
    sampleRow("grok", "2025-09-01", { prompt_version: "'v2'", model: "'grok-4'", prob_true_rpl: "0.3" }),
  ],
  "local/dt=2025-09-02/checks.parquet": [
    sampleRow("new-a", "2025-09-02", {
      prompt_version: "'v2'",
      prob_true_rpl: "0.7",
      ci_width: "0.1",
      stability_score: "0.8",
      pqs: "80",
      execution_id: "'e2'",
      request_id: "'r1'",
      source: "'sqlite'",
    }),
  ],
  "local/dt=2025-09-02/checks-2.parquet": [
    sampleRow("anonymous", "2025-09-02", { model: "'gemini-2'", anon_token: "'sha'", prob_true_rpl: "0.5" }),
  ],
  "prod/dt=2025-09-02/checks.parquet": [
    sampleRow("web", "2025-09-02", {
      env: "'production'",
      prompt_version: "'v2'",
      mode: "'web_informed'",
      prob_true_rpl: "0.8",
      ci_width: "0.1",
      p_prior: "0.8",
      p_web: "0.5",
      p_combined: "0.6",
      resolved_flag: "true",
      resolved_truth: "true",
      provider: "'openai'",
      tokens_in: "1000",
      tokens_out: "100",
      cost_usd: "0.012345",
    }),
  ],
  "prod.usage_ledger/dt=2025-08-01/usage_ledger.parquet": [
    usageRow("u1", "2025-08-01", "core", 79, 100),
    usageRow("u2", "2025-08-01", "core", 80, 100),
  ],
  "prod.usage_ledger/dt=2025-09-01/usage_ledger.parquet": [
    usageRow("u1", "2025-09-01", "trial", 3, 3),
    usageRow("u2", "2025-09-01", "starter", 21, 20),
    usageRow("u3", "2025-09-01", "starter", 0, 0),
  ],
  "local.requests/dt=2025-09-02/requests.parquet": [
    { id: "'r1'", created_at: "timestamptz '2025-09-02 01:00:00+00'", mode: "'baseline'" },
    { id: "'r2'", created_at: "timestamptz '2025-09-02 02:00:00+00'", mode: "'baseline'" },
    { id: "'r3'", created_at: "timestamptz '2025-09-02 03:00:00+00'" },
  ],
};

Deno.test("openCatalog() answers the team's questions", async (t) => {
  await using lake = await writeSampleLake(FILES, "odd [1]*{a}' lake");
  using catalog = await openCatalog(lake.directory, NEVER);
  const rowsOf = async (name: string) => (await catalog.query(pickQueries(QUERIES, [name])[0])).rows;
  const select = async (sql: string) => (await catalog.query({ name: "test", sql })).rows;

  await t.step("every query runs, and returns rows; but no alert where nothing is amiss", async () => {
    for (const { name } of QUERIES) assert.equal((await rowsOf(name)).length > 0, name !== "alerts", name);
  });
  await t.step("lane and dt come from the path, parts of a day belong together", async () => {
    assert.deepEqual(await select("select lane, dt, count(*) from checks group by all order by 1, 2"), [
      ["local", "2025-08-30", "3"],
      ["local", "2025-09-01", "3"],
      ["local", "2025-09-02", "2"],
      ["prod", "2025-09-02", "1"],
    ]);
    assert.deepEqual(await select("select typeof(lane), typeof(dt) from checks limit 1"), [["VARCHAR", "DATE"]]);
  });
  await t.step("checks_latest holds the last execution of each run", async () => {
    assert.deepEqual(await select("select execution_id from checks_latest where run_id = 'new-a'"), [["e2"]]);
    assert.deepEqual(await select("select count(*) from checks_latest"), [["8"]]);
  });
  await t.step("seeds keep every digit", async () => {
    assert.deepEqual(await select("select seed from checks where run_id = 'seeds'"), [["18446744073709551615"]]);
  });
  await t.step("prompt_versions tells what changes from the older version to the newest", async () => {
    const rows = (await rowsOf("prompt_versions")).map((row) => row.slice(1, 5).concat(row.slice(7)));
    assert.deepEqual(rows, [
      ["gpt-5", "v1", "v2", "ci_width", "2", "0.15", "0.2", "0.05", "0.15", "1", "1"],
      ["gpt-5", "v1", "v2", "compliance", "0", null, null, null, null, "0", "0"],
      ["gpt-5", "v1", "v2", "p", "1", "0.2", "0.7", "0.5", null, "0", "0"],
      ["gpt-5", "v1", "v2", "pqs", "1", "70.0", "80.0", "10.0", null, "1", "0"],
      ["gpt-5", "v1", "v2", "stability", "2", "0.8", "0.85", "0.05", "0.05", "1", "0"],
    ]);
  });
  await t.step("prompt_version_claims tells on what the newer one loses", async () => {
    const rows = (await rowsOf("prompt_version_claims")).map((row) => [row[0], row[7], row[8]]);
    assert.deepEqual(rows, [["Fire is cold", "v1", "ci_width"], ["Water is wet", "v2", ""]]);
  });
  await t.step("claim_models has a row per claim and model", async () => {
    assert.deepEqual(await rowsOf("claim_models"), [
      ["Water is wet", "v2", "2", "0.45", "gpt-5", "2", "0.75", "0.225", "-0.3"],
      ["Water is wet", "v2", "2", "0.45", "grok-4", "1", "0.3", "-0.225", null],
    ]);
  });
  await t.step("bias_gap and brier use what is resolved", async () => {
    assert.deepEqual(await rowsOf("bias_gap"), [["gpt-5", "1", "-0.3", "0.3", "1", "1", "0.0"]]);
    assert.deepEqual(await rowsOf("brier"), [
      ["gpt-5", "v2", "web_informed", "1", "1", "0.16", null, "0.04", "0.6", "1.0"],
    ]);
    assert.deepEqual(await rowsOf("reliability"), [["2025-09", "web_informed", "0.6", "1", "0.6", "1.0", "0.4"]]);
  });
  await t.step("costs are exact decimals", async () => {
    const priced = (await rowsOf("costs")).filter((row) => row[1] !== null);
    assert.deepEqual(priced, [[
      "2025-09-02",
      "openai",
      "1",
      "1",
      "1000",
      "100",
      "0.012345",
      "0.012345",
      "1100.0",
    ]]);
  });
  await t.step("usage_allowance tells who is near, at and over the allowance", async () => {
    assert.deepEqual(await rowsOf("usage_allowance"), [
      ["2025-09", "starter", "u2", "21", "20", "105.0", "over"],
      ["2025-09", "starter", "u3", "0", "0", null, "full"],
      ["2025-09", "trial", "u1", "3", "3", "100.0", "full"],
      ["2025-08", "core", "u2", "80", "100", "80.0", "near"],
    ]);
  });
  await t.step("request_outcomes counts requests, not their checks", async () => {
    assert.deepEqual(await rowsOf("request_outcomes"), [
      ["2025-09-02", null, "baseline", "2", "1", "1", "1"],
      ["2025-09-02", null, null, "1", "0", "1", "0"],
    ]);
  });
  await t.step("gates count what is missing", async () => {
    const row = (await rowsOf("gates")).find(([month, version]) => month === "2025-08" && version === "v1")!;
    assert.deepEqual(row.slice(2), ["3", null, null, null, "0", "3", "2", "70.0"]);
  });
  await t.step("checks_per_user tells users, visitors and research apart", async () => {
    assert.deepEqual(
      new Set((await rowsOf("checks_per_user")).map((row) => row[2])),
      new Set(["anonymous", "research"]),
    );
  });
  await t.step("local_production joins the envs by claim, model and prompt version", async () => {
    const [row] = await rowsOf("local_production");
    assert.deepEqual(row.slice(0, 8), ["Water is wet", "gpt-5", "v2", "1", "1", "0.7", "0.8", "0.1"]);
  });
  await t.step("reruns shows how far the executions lie apart", async () => {
    assert.deepEqual((await rowsOf("reruns")).map((row) => [row[1], row[5], row[10]]), [["new-a", "2", "0.2"]]);
  });
});

/** A lake with as many rows on each day from 2025-09-01 on. */
function countedDays(counts: readonly number[]): Record<string, SampleRow[]> {
  const days = counts.map((count, index) => ({ count, day: `2025-09-${`${index + 1}`.padStart(2, "0")}` }));
  return Object.fromEntries(
    days.filter(({ count }) => count > 0).map(({ count, day }) => [
      `local/dt=${day}/checks.parquet`,
      Array.from({ length: count }, (_, number) => sampleRow(`run-${day}-${number}`, day)),
    ]),
  );
}

async function alertsOf(counts: readonly number[]): Promise<(string | null)[]> {
  await using lake = await writeSampleLake(countedDays(counts));
  using catalog = await openCatalog(lake.directory, NEVER);
  const { rows } = await catalog.query(pickQueries(QUERIES, ["days"])[0]);
  return rows.map((row) => row[4]);
}

Deno.test("days calls a day flat that has less than half of the usual rows and ten less, from the eighth day on", async () => {
  assert.deepEqual(await alertsOf([20, 1, 20, 20, 20, 20, 20, 10, 9, 20]), [
    ...Array(8).fill(null),
    "flat",
    null,
  ]);
});

Deno.test("days makes no noise of low counts, but tells when ten rows are missing", async () => {
  assert.deepEqual((await alertsOf([4, 4, 4, 4, 4, 4, 4, 1, 0, 4, 0, 0, 0, 4])).slice(7), [
    null,
    null,
    null,
    null,
    null,
    "no rows for 3 days",
    null,
  ]);
});

Deno.test("alerts tells of an outage that lasts longer than what is usual is taken from", async () => {
  const last = { "local/dt=2025-10-09/checks.parquet": [sampleRow("last", "2025-10-09", { env: "'staging'" })] };
  await using lake = await writeSampleLake({ ...countedDays(Array(7).fill(12)), ...last });
  using catalog = await openCatalog(lake.directory, NEVER);
  const { rows } = await catalog.query(pickQueries(QUERIES, ["alerts"])[0]);
  assert.deepEqual(rows, [["local", "2025-10-09", "2025-09-08", "no rows", "32", "0", "12.0"]]);
});

Deno.test("catalogAsking() takes a value for a value, whatever is in it", async () => {
  const claim = "it's $& 'x'; drop view checks; --\\";
  await using lake = await writeSampleLake({
    "local/dt=2025-09-01/checks.parquet": [
      sampleRow("asked", "2025-09-01", { claim: `'${claim.replaceAll("'", "''")}'` }),
      sampleRow("other", "2025-09-01"),
    ],
  });
  using catalog = await openCatalog(lake.directory, NEVER, { asked: { claim } });
  const { rows } = await catalog.query({ name: "test", sql: "select run_id from checks_latest" });
  assert.deepEqual(rows, [["asked"]]);
});

Deno.test("catalogAsking() takes a claim for a part of the text, in any case, or the hash, and for no pattern", async () => {
  await using lake = await writeSampleLake({
    "local/dt=2025-09-01/checks.parquet": [
      sampleRow("water", "2025-09-01"),
      sampleRow("fire", "2025-09-01", { claim: "'Fire is 100% COLD'", claim_hash: "'c2'" }),
      sampleRow("none", "2025-09-01", { claim: "null", claim_hash: "null" }),
    ],
  });
  const asking = async (claim: string) => {
    using catalog = await openCatalog(lake.directory, NEVER, { asked: { claim } });
    const { rows } = await catalog.query({ name: "test", sql: "select run_id from executions order by run_id" });
    return rows.map(([run]) => run);
  };
  assert.deepEqual(await asking("% cold"), ["fire"]);
  assert.deepEqual(await asking("c1"), ["water"]);
  assert.deepEqual(await asking("IS"), ["fire", "water"]);
  assert.deepEqual(await asking("_ater"), []);
});

Deno.test("catalogAsking() puts each parameter into the column of its name, of its type", async () => {
  const catalog = await Deno.readTextFile(new URL("../../../analytics/catalog.sql", import.meta.url));
  const types = PARAMETER_NAMES.map((name) =>
    `cast(null as ${PARAMETERS[name].type === "day" ? "date" : "varchar"}) as ${name}`
  );
  assert.ok(catalog.includes(`create or replace view asked as\nselect\n  ${types.join(",\n  ")};\n`));
  const asked: Asked = { env: "a", until: "2025-09-01" };
  const made = catalogAsking(catalog.replaceAll("\n", "\r\n"), asked);
  assert.ok(made.includes("cast('a' as varchar) as env") && made.includes("cast('2025-09-01' as date) as until"));
  assert.throws(() => catalogAsking("select 1;", asked), /must make the view asked/);
});

Deno.test("openCatalog() of an empty lake says to export first", async () => {
  await assert.rejects(openCatalog("data/no-such-lake", NEVER), {
    message:
      'Cannot query lake "data/no-such-lake": it holds no <lane>/dt=YYYY-MM-DD/<dataset>.parquet; run deno task export first',
    exitCode: 1,
  });
});

Deno.test("openCatalog() starts no engine for a signal that is already aborted", async () => {
  await using lake = await writeSampleLake(FILES);
  await assert.rejects(openCatalog(lake.directory, AbortSignal.abort()), { name: "AbortError" });
});

Deno.test("openCatalog() of a lake with a damaged file is an error, not fewer rows", async () => {
  await using lake = await writeSampleLake(FILES);
  const path = `${lake.directory}/local/dt=2025-09-01/checks.parquet`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0x55, 4, 3000));
  await assert.rejects(async () => {
    using catalog = await openCatalog(lake.directory, NEVER);
    await catalog.query({ name: "all", sql: "select * from checks" });
  }, { name: "TaskError", message: /^Cannot run query "(all|catalog.sql)": / });
});

Deno.test("catalogOver() has a dataset's source in place of its view, and the other views that are wanted", () => {
  const base = (name: string) =>
    `-- dataset: ${name}\ncreate or replace view ${name} as\nselect\n  * from read_parquet('data/exports/x');\n`;
  const catalog = `select 0;\n${base("a")}create or replace view c as\nselect 1;\n${base("b")}`;
  const sources = new Map([["a", "make a, $&;"], ["other", "make other;"]]);
  const over = (views: string[]) => catalogOver(catalog, { sources, views: new Set(views), asTables: true });
  assert.equal(
    over(["a", "c"]),
    "select 0;\nmake a, $&;\ncreate or replace view c as\nselect 1;\nmake other;\n",
  );
  assert.equal(over(["a"]), "select 0;\nmake a, $&;\n\nmake other;\n");
  assert.throws(
    () => catalogOver("-- dataset: a\nselect 1", { sources, views: new Set(), asTables: true }),
    /must make one view a of its files/,
  );
});

Deno.test("catalogOver() makes tables of views with window functions where it may", () => {
  const catalog = "create or replace view a as\nselect row_number() over (order by 1);\n";
  const over = (asTables: boolean) => catalogOver(catalog, { sources: new Map(), views: new Set(["a"]), asTables });
  assert.match(over(true), /^create or replace table a as\n/);
  assert.equal(over(false), catalog);
});

Deno.test("openCatalog() reads files of several schemas as one, with NULL where an older file lacks a column", async () => {
  await using lake = await writeSampleLake(FILES);
  using db = await openDuckDb();
  const path = `${lake.directory}/local/dt=2025-08-30/checks.parquet`;
  db.run(`copy (select * exclude (pqs, "K"), 1::smallint as "K" from read_parquet(${literal(path)}))
    to 'memory/older' (format parquet)`);
  await Deno.writeFile(path, db.fileBytes("older"));
  const sql = 'select dt, count(pqs), min("K"), max("K"), min(typeof("K")) from checks group by dt order by dt';
  for (const queries of [[{ name: "test", sql }], []]) {
    using catalog = await openCatalog(lake.directory, NEVER, { queries });
    assert.deepEqual((await catalog.query({ name: "test", sql })).rows, [
      ["2025-08-30", "0", "1", "1", "BIGINT"],
      ["2025-09-01", "1", "8", "8", "BIGINT"],
      ["2025-09-02", "1", "8", "8", "BIGINT"],
    ]);
  }
});

Deno.test("openCatalog() answers alike whether it has loaded what the queries need or reads the files", async () => {
  await using lake = await writeSampleLake(FILES);
  using loaded = await openCatalog(lake.directory, NEVER, { queries: QUERIES });
  using files = await openCatalog(lake.directory, NEVER);
  for (const query of QUERIES) assert.deepEqual(await loaded.query(query), await files.query(query), query.name);
});

Deno.test("openCatalog() loads the columns and datasets that the queries use, and no others", async () => {
  await using lake = await writeSampleLake(FILES);
  using catalog = await openCatalog(lake.directory, NEVER, { queries: [{ name: "a", sql: "select pqs from checks" }] });
  const { rows } = await catalog.query({
    name: "test",
    sql: "select table_name, column_name from information_schema.columns where table_schema = 'main' order by all",
  });
  assert.deepEqual(rows, [["checks", "dt"], ["checks", "lane"], ["checks", "pqs"]]);
});

Deno.test("openCatalog() tells how many files are read, and which query is at work", async () => {
  await using lake = await writeSampleLake(FILES);
  const lines: string[] = [];
  const queries = pickQueries(QUERIES, ["totals", "allowance"]);
  using catalog = await openCatalog(lake.directory, NEVER, { queries, progress: (line) => lines.push(line) });
  for (const query of queries) await catalog.query(query);
  assert.deepEqual(lines, ["Files: 7 of 7", "Query 1 of 2: totals", "Query 2 of 2: allowance"]);
});

Deno.test("openCatalog() refuses queries that need more memory than there is, and tells how to ask native DuckDB", async () => {
  await using lake = await writeSampleLake(FILES, "odd 'lake'");
  const queries = pickQueries(QUERIES, ["totals"]);
  using _enough = await openCatalog(lake.directory, NEVER, { queries, maxBytes: 100_000 });
  // Rows that nobody can read: it has to refuse before it reads them.
  const path = `${lake.directory}/local/dt=2025-09-01/checks.parquet`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0x55, 4, 500));
  const open = (maxBytes: number) => openCatalog(lake.directory, NEVER, { queries, asked: { env: "local" }, maxBytes });
  await assert.rejects(open(1000), (error: TaskError) => {
    assert.match(
      error.lines[0],
      /^Cannot run query "totals": it needs about 1 MB of memory, and there are 1 MB for it; /,
    );
    const datasets = ["checks", "requests", "usage_ledger"];
    const { length, ...lines } = nativeCommand(lake.directory, { queries, asked: { env: "local" }, datasets });
    assert.deepEqual([error.lines.length, error.lines[1]], [1 + length, lines[0]]);
    return true;
  });
});
