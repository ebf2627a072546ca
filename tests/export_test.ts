import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dayOf } from "../tasks/lib/dataset/day.ts";
import { parseDataset } from "../tasks/lib/dataset/dataset.ts";
import type { TestDatabase } from "./support/database.ts";
import { createChecksDatabase, createExportDirectory, insertCheck } from "./support/export.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, insertChecks } from "./support/exporter.ts";
import { FIELD_SAMPLES, type FieldSample } from "./support/field_samples.ts";
import type { LaneFile, ParquetRow } from "./support/parquet.ts";

const SELECT = "sql/export/checks.postgres.sql";
const DATASET = parseDataset(
  "checks",
  SELECT,
  await Deno.readTextFile(new URL(`../${SELECT}`, import.meta.url)),
);

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A value that no sample table has: texts as they come from people and models. */
function textSample(text: string): FieldSample {
  return { sql: `'${text.replaceAll("'", "''")}'`, hex: null, value: text };
}

const CLAIM = `"Claims" aren't\r\nalways\tplain 🧪 \\ \u0001 \u{10FFFF} e\u0301 ` + "0123456789abcdef".repeat(6400);
const JSON_TEXT =
  `{"seed": 18446744073709551615, "n": 12345678901234567890.5, "s": "\\u0000 \\ud800 é", "s": 1, "x":  null}`;

/** Rows that reach the limits of every column: row i has sample i of each column's type. */
async function extremeRows({ sql }: TestDatabase): Promise<Record<string, FieldSample>[]> {
  const columns = await sql`
    select column_name as name, is_nullable = 'YES' as nullable, character_maximum_length as most
    from information_schema.columns where table_schema = 'public' and table_name = 'checks'`;
  const types = new Map(DATASET.columns.map(({ name, postgresType }) => [name, postgresType]));
  const samplesOf = ({ name, nullable, most }: typeof columns[number]) =>
    FIELD_SAMPLES[types.get(name)!].filter(({ value }) =>
      value === null ? nullable : typeof value !== "string" || value.length <= Number(most ?? Infinity)
    );
  const rows = Array.from({ length: 9 }, (_, i) =>
    Object.fromEntries(columns.map((column) => {
      const samples = samplesOf(column);
      return [column.name as string, samples[i % samples.length]];
    })));
  return rows.map((row, i) => ({
    ...row,
    id: textSample(`00000000-0000-4000-8000-00000000000${i}`),
    run_id: textSample(`run '${i}' é`),
    ...(i === 7 ? { claim: textSample(CLAIM), config_json: textSample(JSON_TEXT) } : {}),
    ...(i === 8 ? { claim: textSample(""), user_id: FIELD_SAMPLES.uuid[0] } : {}),
  }));
}

function insertRow(row: Readonly<Record<string, FieldSample>>): string {
  const names = Object.keys(row).map((name) => `"${name}"`);
  return `insert into checks (${names}) values (${Object.values(row).map(({ sql }) => sql)});`;
}

/** The row as it has to stand in the file. */
function expectedRow(row: Readonly<Record<string, FieldSample>>): ParquetRow {
  const values = Object.fromEntries(Object.entries(row).map(([name, { value }]) => [name, value]));
  const token = values.anon_token === null ? null : sha256(values.anon_token as string);
  return { ...values, anon_token: token, execution_id: null, source: "postgres" };
}

function rowsOf(files: readonly LaneFile[]): ParquetRow[] {
  return files.flatMap(({ rows }) => rows);
}

const byRun = (a: ParquetRow, b: ParquetRow) => `${a.run_id}` < `${b.run_id}` ? -1 : 1;

/** Checks that every file has the pinned columns, one row group, and the rows of its day alone. */
function assertForm(files: readonly LaneFile[]): void {
  for (const { path, columns, rowGroups, rows } of files) {
    assert.deepEqual(columns.map(({ name }) => name), DATASET.columns.map(({ name }) => name));
    assert.deepEqual(rowGroups, [rows.length]);
    const [day] = new Set(rows.map(({ created_at }) => dayOf(created_at as bigint)));
    assert.equal(path, `dt=${day}/checks.parquet`);
    assert.deepEqual(new Set(rows.map(({ created_at }) => dayOf(created_at as bigint))).size, 1);
  }
}

Deno.test("export takes a table of extremes to the second reader unchanged, whatever a server's settings are", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const rows = await extremeRows(database);
  await database.sql.unsafe(rows.map(insertRow).join("\n"));
  const role = `role_${database.name.slice(5, 20)}`;
  await database.sql.unsafe(`create schema decoy; create table decoy.checks (like public.checks);
    create role ${role} login; grant select on public.checks to ${role}; grant usage on schema decoy to ${role}`);
  const hostile = [
    [`database ${database.name}`, [
      "timezone = 'Pacific/Kiritimati'",
      "datestyle = 'SQL, DMY'",
      "extra_float_digits = -15",
    ]],
    [`database ${database.name}`, ["timezone = 'America/St_Johns'", "datestyle = 'German'", "extra_float_digits = 0"]],
    [`role ${role}`, [
      "timezone = 'Asia/Kathmandu'",
      "datestyle = 'Postgres, MDY'",
      "extra_float_digits = 3",
      "search_path = decoy",
      "client_encoding = 'LATIN1'",
      "default_transaction_isolation = 'serializable'",
      "standard_conforming_strings = off",
      "bytea_output = 'escape'",
      "quote_all_identifiers = on",
      "lock_timeout = '1ms'",
    ]],
  ] as const;
  const states: string[][] = [];
  try {
    for (const [index, [who, settings]] of hostile.entries()) {
      for (const setting of settings) await database.sql.unsafe(`alter ${who} set ${setting}`);
      const url = new URL(database.url);
      if (who.startsWith("role")) url.username = role;
      const env = { DATABASE_URL_STAGING: url.href, EXPORT_DIR: `${directory.path}/${index}` };
      const result = await directory.run(["checks", "--env", "staging", "--full"], env);
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stderr, /^Using \S+ \(--env staging\)\n$/);
      assert.match(result.stdout, /^Exported 9 rows in \d files/);
      const files = await directory.read("staging");
      assertForm(files);
      assert.deepEqual(rowsOf(files).toSorted(byRun), rows.map(expectedRow).toSorted(byRun));
      states.push(files.map(({ path }) => path), (await directory.state("staging")).map((line) => line.split(" ")[3]));
      await Deno.remove(`${directory.path}/lake`, { recursive: true });
    }
    assert.deepEqual(states[2], states[0]);
    assert.deepEqual(states[4], states[0]);
  } finally {
    await database.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  }
});

Deno.test("export --writer direct takes the same table to the same values", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const rows = await extremeRows(database);
  await database.sql.unsafe(rows.map(insertRow).join("\n"));
  const env = { DATABASE_URL: database.url, EXPORT_WRITER: "duckdb" };
  const result = await directory.run(["checks", "--writer", "direct"], env);
  assert.equal(result.code, 0, result.stderr);
  const files = await directory.read();
  assertForm(files);
  assert.deepEqual(rowsOf(files).toSorted(byRun), rows.map(expectedRow).toSorted(byRun));
  for (const { path } of files) {
    const file = await Deno.readFile(`${directory.path}/lake/local/${path}`);
    assert.match(new TextDecoder().decode(file.subarray(-200)), /heretix-lane version/);
  }
});

/** Values that Parquet has no place for: column, SQL, and what is said about it. */
const UNREPRESENTABLE = [
  ["seed", "'NaN'", "is NaN or infinite, which DECIMAL(20,0) cannot hold"],
  ["cost_usd", "'NaN'", "is NaN or infinite, which DECIMAL(12,6) cannot hold"],
  ["finished_at", "'infinity'", "is infinite, which a Parquet timestamp cannot be"],
  ["finished_at", "'-infinity'", "is infinite, which a Parquet timestamp cannot be"],
  ["finished_at", "'294276-12-31 00:00:00+00'", "is later than a Parquet timestamp can be"],
  ["created_at", "'infinity'", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "'-infinity'", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "'10000-01-01 00:00:00+00'", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "'0001-12-31 23:59:59.999999+00 BC'", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "null", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "'294276-12-31 23:59:59.999999+00'", "is NULL, infinite or outside the years 1 to 9999"],
  ["created_at", "'4714-11-24 00:00:00+00 BC'", "is NULL, infinite or outside the years 1 to 9999"],
] as const;

Deno.test("export refuses values that Parquet cannot hold, by column and run, and touches nothing", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const env = { DATABASE_URL: database.url };
  await database.sql.unsafe(`alter table checks alter created_at drop not null; ${insertCheck("good")}
    ${insertCheck("early", { created_at: "'2025-08-31'" })}`);
  assert.equal((await directory.run([], env)).code, 0);
  const before = await directory.state();
  await database.sql.unsafe(insertCheck("late", { created_at: "'2025-09-03'" }));
  for (const [index, [column, sql, finding]] of UNREPRESENTABLE.entries()) {
    // One of each way to find it; the others are in the next test.
    if (![0, 2, 5, 9].includes(index)) continue;
    await database.sql.unsafe(insertCheck(`bad ${index}`, { [column]: sql }));
    const { code, stdout, stderr } = await directory.run([], env);
    assert.deepEqual([code, stdout], [1, ""], sql);
    const line = `Cannot export run "bad ${index}": column "${column}" ${finding}; [^\\n]+ --skip-bad-rows\n`;
    assert.match(stderr, new RegExp(`^${line.replaceAll(/[()]/g, "\\$&")}$`));
    assert.deepEqual(await directory.state(), before, sql);
    await database
      .sql`update checks set run_id = 'aside ' || run_id, created_at = '2025-09-01' where run_id like 'bad%'`;
    await database.sql`delete from checks where run_id like 'aside%'`;
  }
});

Deno.test("export --skip-bad-rows leaves out what Parquet cannot hold, each row named", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const env = { DATABASE_URL: database.url };
  await database.sql.unsafe(`alter table checks alter created_at drop not null; ${insertCheck("good")}
    ${insertCheck("late", { created_at: "'2025-09-03'" })} ${insertCheck("early", { created_at: "'2025-08-31'" })}
    ${UNREPRESENTABLE.map(([column, sql], index) => insertCheck(`bad ${index}`, { [column]: sql })).join("\n")}`);
  const { code, stderr } = await directory.run(["--skip-bad-rows"], env);
  assert.equal(code, 0, stderr);
  const lines = UNREPRESENTABLE.map(([column, , finding], index) =>
    `Warning: Left out run "bad ${index}": column "${column}" ${finding}`
  );
  assert.deepEqual(
    stderr.trimEnd().split("\n").sort(),
    [...lines, `Warning: ${lines.length} rows were left out`].sort(),
  );
  assert.deepEqual(rowsOf(await directory.read()).map(({ run_id }) => run_id), ["early", "good", "late"]);
  assert.equal((await directory.run([], env)).code, 1);
});

Deno.test("export does not count a day as done whose bad rows were left out, until they are gone", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 3);
  await sql`update checks set finished_at = 'infinity' where run_id = 'run-2'`;
  const request = { from: "postgres" } as const;
  const skipping = { ...request, skipBadRows: true };
  assert.equal((await exportHere(exporter, skipping)).rows, 2);
  assert.equal((await exportHere(exporter, skipping)).files, 0, "what was named is not named again");
  await assert.rejects(
    exportHere(exporter, request),
    /^TaskError: Cannot export run "run-2": column "finished_at" is /,
  );
  await sql`update checks set finished_at = now() where run_id = 'run-2'`;
  assert.equal((await exportHere(exporter, skipping)).rows, 3);
  assert.deepEqual((await exportHere(exporter, request)).plan.writes, []);
});

Deno.test("export ends at once on a bad row in front of many others, and says what is wrong", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  await database.sql.unsafe(`${insertCheck("bad", { seed: "'NaN'", created_at: "'2025-01-01'" })}
    insert into checks (id, run_id, env, model, prompt_version, "K", "R", created_at, claim)
    select gen_random_uuid(), 'run ' || i, 'local', 'm', 'v', 1, 1, timestamptz '2025-01-01' + i * interval '10 min',
      repeat(md5(i::text), 300) from generate_series(1, 8000) as i`);
  const { code, stderr } = await directory.run([], { DATABASE_URL: database.url });
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot export run "bad": column "seed" is NaN [^\n]+\n$/);
  assert.deepEqual(await directory.state(), []);
});

Deno.test("export leaves every file alone when nothing has changed", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const env = { DATABASE_URL: database.url };
  await database.sql.unsafe(insertCheck("a") + insertCheck("b", { created_at: "'2025-09-02'" }));
  assert.equal((await directory.run([], env)).code, 0);
  const before = await directory.state();
  const { code, stdout } = await directory.run([], env);
  assert.deepEqual([code, stdout.startsWith("Lane local is up to date: 2 days in ")], [0, true]);
  assert.deepEqual(await directory.state(), before);
});
