import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDatasets } from "../tasks/lib/dataset/datasets.ts";
import { withPostgresSources } from "../tasks/lib/sources/postgres.ts";
import { type CommandResult, runCommand, UNSET } from "./support/command.ts";
import { connectTo } from "./support/database.ts";
import { createExporter, type Exporter, fileStates, finish, insertChecks } from "./support/exporter.ts";
import { readLane } from "./support/parquet.ts";
import { readWhole } from "./support/source.ts";

const ALL = ["checks", "requests", "usage_ledger"];

/** An exporter whose tables have some rows on some days each. */
async function createFull(): Promise<Exporter> {
  const exporter = await createExporter();
  const { sql } = exporter.database;
  await insertChecks(exporter.database, 1, 3);
  await sql`insert into users (id, email) select gen_random_uuid(), 'user' || n || '@example.org' from generate_series(1, 2) n`;
  await sql`insert into usage_ledger (user_id, period_start, period_end, plan, checks_allowed, checks_used, updated_at)
    select u.id, month, month + 30, 'trial', 3, n, '2025-10-01 01:02:03.000004+00'
    from users u, (values ('2025-08-01'::date, 1), ('2025-09-01'::date, 3)) as m (month, n)`;
  await sql`insert into requests (created_at, claim, mode, env, user_id, anon_token, user_agent, client_ip)
    select timestamptz '2025-09-01 23:59:59.999999+00' + n * interval '1 day', 'claim ' || n, 'baseline', 'local',
      (select id from users limit 1), 'token', 'agent', '10.0.0.1' from generate_series(0, 2) n`;
  return exporter;
}

/** Runs `deno task export` as it stands, which takes all datasets where none is named. */
async function exportAll(exporter: Exporter, ...args: readonly string[]): Promise<CommandResult> {
  return await runCommand("export", args, { env: settingsOf(exporter) });
}

const lakeOf = (exporter: Exporter) => join(exporter.lane, "..");
const settingsOf = (exporter: Exporter) => ({ DATABASE_URL: exporter.database.url, EXPORT_DIR: lakeOf(exporter) });

/** Rows of a lane that `expected` asks Postgres for, as text by column. */
async function assertEqualsTable(exporter: Exporter, lane: string, query: string): Promise<void> {
  const rows = (await readLane(join(lakeOf(exporter), lane))).flatMap(({ rows }) => rows);
  const wanted = await exporter.database.sql.unsafe(query);
  const texts = rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, `${value}`])));
  assert.deepEqual(texts, wanted.map((row) => ({ ...row })));
}

const USAGE = `select id::text, user_id::text, (period_start - '1970-01-01'::date)::text as period_start,
  (period_end - '1970-01-01'::date)::text as period_end, plan, checks_allowed::text, checks_used::text,
  (extract(epoch from updated_at) * 1000000)::bigint::text as updated_at
  from usage_ledger order by period_start, usage_ledger.id`;

const REQUESTS = `select id::text, (extract(epoch from created_at) * 1000000)::bigint::text as created_at, claim, mode,
  env, user_id::text from requests order by requests.created_at`;

Deno.test("export takes every dataset to a lane of its own, and rewrites the days that changed", async () => {
  await using exporter = await createFull();
  const { sql } = exporter.database;
  const first = await exportAll(exporter);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stderr, "");
  assert.deepEqual(
    first.stdout.replaceAll(lakeOf(exporter), "LAKE").split("\n").map((line) => line.replace(/ \(.*\)/, "")),
    [
      "Exported 3 rows in 1 file to LAKE/local, 0 days unchanged",
      "Exported 3 rows in 3 files to LAKE/local.requests, 0 days unchanged",
      "Exported 4 rows in 2 files to LAKE/local.usage_ledger, 0 days unchanged",
      "",
    ],
  );
  const paths = Object.keys(await fileStates(join(lakeOf(exporter), "local.usage_ledger")));
  assert.deepEqual(paths.filter((path) => path.startsWith("dt=")), [
    "dt=2025-08-01/usage_ledger.parquet",
    "dt=2025-09-01/usage_ledger.parquet",
  ]);
  await assertEqualsTable(exporter, "local.usage_ledger", USAGE);
  await assertEqualsTable(exporter, "local.requests", REQUESTS);
  const [{ columns }] = await readLane(join(lakeOf(exporter), "local.usage_ledger"));
  assert.equal(columns.find(({ name }) => name === "period_start")!.type, "INT32 DATE");
  const again = await exportAll(exporter);
  assert.match(again.stdout, /^(Lane local\S* is up to date: \d+ days? in \S+\n){3}$/);
  await sql`update usage_ledger set checks_used = 2 where period_start = '2025-09-01'`;
  await sql`delete from requests where claim = 'claim 1'`;
  const changed = await exportAll(exporter, "requests", "usage_ledger");
  assert.match(
    changed.stdout,
    /^Exported 0 rows in 0 files .* removed 1 day, 2 days unchanged\nExported 2 rows in 1 file .* 1 day unchanged\n$/,
  );
  await assertEqualsTable(exporter, "local.usage_ledger", USAGE);
  await assertEqualsTable(exporter, "local.requests", REQUESTS);
  const json = JSON.parse((await exportAll(exporter, "--dry-run", "--json")).stdout);
  assert.deepEqual(json.lanes.map(({ lane }: { lane: string }) => lane), [
    "local",
    "local.requests",
    "local.usage_ledger",
  ]);
});

Deno.test("export of a date's days leaves out what no partition can name, and keeps a lane's own range", async () => {
  await using exporter = await createFull();
  const { sql } = exporter.database;
  assert.equal((await exportAll(exporter, "usage_ledger", "--since", "2025-08-02")).code, 0);
  assert.equal((await readLane(join(lakeOf(exporter), "local.usage_ledger"))).length, 1);
  await sql`update usage_ledger set period_start = 'infinity', period_end = 'infinity' where period_start = '2025-08-01'
    and user_id = (select id from users order by id limit 1)`;
  const [{ id }] = await sql`select id from usage_ledger where period_start = 'infinity'`;
  const failed = await exportAll(exporter, "usage_ledger");
  assert.equal(failed.code, 1);
  assert.match(
    failed.stderr,
    new RegExp(`Cannot export ledger row "${id}": column "period_start" is NULL, infinite or`),
  );
  const skipped = await exportAll(exporter, "usage_ledger", "--skip-bad-rows");
  assert.match(skipped.stderr, new RegExp(`^Warning: Left out ledger row "${id}": column "period_start" is NULL`, "m"));
  await sql`update usage_ledger set period_start = '2025-08-01' where period_start = 'infinity'`;
  const value = await exportAll(exporter, "usage_ledger");
  assert.match(
    value.stderr,
    new RegExp(`Cannot export ledger row "${id}": column "period_end" is infinite, which a Parquet date`),
  );
});

Deno.test("export names a dataset, table or right that is not there; a table that nobody named is left out", async () => {
  await using exporter = await createFull();
  const { sql } = exporter.database;
  const unknown = await exportAll(exporter, "nope");
  assert.equal(unknown.code, 2);
  assert.match(
    unknown.stderr,
    /^Cannot find dataset "nope": sql\/export has none of that name; take one of checks, requests, usage_ledger\n$/,
  );
  assert.equal((await exportAll(exporter, "requests", "--from", "sqlite")).code, 2);
  await sql`alter table requests rename to other`;
  const left = await exportAll(exporter);
  assert.equal(left.code, 0, left.stderr);
  assert.equal(left.stderr, "Left out dataset requests: table public.requests does not exist\n");
  assert.match(left.stdout, /^Exported .*\/local,.*\nExported .*\/local\.usage_ledger,.*\n$/);
  await assert.rejects(Deno.stat(join(lakeOf(exporter), "local.requests")), Deno.errors.NotFound);
  const named = await exportAll(exporter, "requests");
  assert.deepEqual([named.code, named.stderr], [
    1,
    'Cannot export "requests": table public.requests does not exist; run deno task migrate\n',
  ]);
  // A database without any of them is more likely the wrong one.
  await sql`alter table checks rename to others`;
  await sql`alter table usage_ledger rename to ledger`;
  const none = await exportAll(exporter);
  assert.deepEqual([none.code, none.stdout, none.stderr], [
    1,
    "",
    'Cannot export "checks": table public.checks does not exist; run deno task migrate\n',
  ]);
});

Deno.test("what one lane of an environment has redacted leaves no other one in clear", async () => {
  await using exporter = await createFull();
  const claims = async (lane: string) =>
    (await readLane(join(lakeOf(exporter), lane))).flatMap(({ rows }) => rows.map(({ claim }) => claim));
  // What tells requests apart stays: their id is not that of checks.
  assert.equal((await exportAll(exporter, "checks", "--redact", "claim,id,user_id")).code, 0);
  assert.equal((await exportAll(exporter, "requests", "usage_ledger")).code, 0);
  assert.deepEqual(await claims("local.requests"), [null, null, null]);
  const requests = await readLane(join(lakeOf(exporter), "local.requests"));
  assert.ok(requests.every(({ rows }) => rows.every(({ id }) => id !== null)));
  const [{ rows }] = await readLane(join(lakeOf(exporter), "local.usage_ledger"));
  assert.deepEqual(rows.map(({ user_id }) => user_id), [null, null]);
  // The other way round: what is redacted later reaches the lanes that are there.
  assert.equal((await exportAll(exporter, "usage_ledger", "--redact", "plan,user_id")).code, 0);
  const wrong = await exportAll(exporter, "--redact", "nope");
  assert.deepEqual([wrong.code, wrong.stderr], [
    2,
    'Cannot redact column "nope": no dataset of this export has such a column; correct --redact\n',
  ]);
  const key = await exportAll(exporter, "--redact", "period_start");
  assert.match(key.stderr, /^Cannot redact column "period_start": rows of usage_ledger are told apart by it/);
  // A lane without a manifest cannot say what is redacted in it.
  await Deno.remove(join(exporter.lane, "_manifest.json"));
  const lost = await exportAll(exporter, "requests");
  assert.equal(lost.code, 3);
  assert.match(
    lost.stderr,
    /lane "local" has lost its manifest, which says what is redacted; export that lane's dataset, too/,
  );
  assert.equal((await exportAll(exporter)).code, 0);
  assert.deepEqual(await claims("local"), [null, null, null]);
});

Deno.test("the datasets of one export come from one snapshot", async () => {
  await using exporter = await createFull();
  const { sql } = exporter.database;
  const datasets = await readDatasets(ALL);
  await using other = await connectTo(exporter.database.url);
  await withPostgresSources(other, {
    tables: datasets.map((dataset) => ({ dataset, onUnlisted: () => {} })),
    origin: { host: "127.0.0.1", port: 5432 },
    patience: { label: "a test's", idleMs: 60_000, startMs: 60_000 },
    range: {},
  }, async (sources) => {
    await sql`delete from requests`;
    await sql`delete from usage_ledger`;
    const counts: number[] = [];
    for (const source of sources) counts.push((await readWhole(source!)).rows);
    assert.deepEqual(counts, [3, 3, 4]);
  });
});

Deno.test("one SQL file takes a table to queries", async () => {
  await using exporter = await createFull();
  const { sql } = exporter.database;
  await sql`create table visits (id int primary key, seen timestamptz not null, page text, took real, visitor text)`;
  await sql`insert into visits values (1, '2025-09-01 12:00:00+00', 'a', 0.1, 'x'), (2, '2025-09-02', 'b', null, 'y')`;
  await Deno.mkdir(join(exporter.home, "sql/export"), { recursive: true });
  await Deno.writeTextFile(
    join(exporter.home, "sql/export/visits.postgres.sql"),
    `-- table: public.visits
-- day: seen
-- key: id
-- label: id visit
-- sort: seen, id
-- left out: visitor
select
  c.id::integer as id,
  c.seen::timestamptz as seen,
  c.page::text as page,
  c.took::double precision as took
from public.visits as c
`,
  );
  const { code, stdout, stderr } = await finish(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "-A", fileURLToPath(new URL("../tasks/export.ts", import.meta.url))],
      cwd: exporter.home,
      env: { ...UNSET, NO_COLOR: "1", ...settingsOf(exporter) },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Exported 2 rows in 2 files \(\d kB\) to \S*\/local\.visits, 0 days unchanged\n$/);
  const rows = await runCommand("analytics", [
    "--dir",
    lakeOf(exporter),
    "--format",
    "csv",
    "--sql",
    "select lane, dt, id, page, took from visits order by id",
  ]);
  assert.equal(
    rows.stdout,
    "lane,dt,id,page,took\r\nlocal,2025-09-01,1,a,0.10000000149011612\r\nlocal,2025-09-02,2,b,\r\n",
    rows.stderr,
  );
});
