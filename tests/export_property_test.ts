import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { exportHere } from "./support/export_here.ts";
import { createExporter, type Exporter, fileStates, listDebris } from "./support/exporter.ts";
import { type ParquetRow, type ParquetValue, readLane } from "./support/parquet.ts";

/** How many sequences of exports are tried. */
const RUNS = Number(Deno.env.get("PROPERTY_RUNS") || 2);

const SQL = new URL("../sql/export/", import.meta.url);

/** What happens between two exports. Numbers choose rows, days and texts. */
type Change =
  | { readonly kind: "insert" | "reload"; readonly rows: number; readonly day: number }
  | { readonly kind: "update" | "delete" | "move" | "deleteUser"; readonly pick: number; readonly day: number }
  | { readonly kind: "rewrite" | "addColumn" }
  | { readonly kind: "run" | "oldRun" | "copy"; readonly file: number; readonly pick: number; readonly day: number };

type From = "postgres" | "sqlite" | "all";

interface Step {
  readonly changes: readonly Change[];
  readonly from: From;
}

const pick = fc.nat(50);
const day = fc.nat(4);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("insert" as const), rows: fc.integer({ min: 1, max: 3 }), day }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("update" as const, "delete" as const, "move" as const, "deleteUser" as const),
      pick,
      day,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("run" as const, "oldRun" as const, "copy" as const),
      file: fc.nat(1),
      pick,
      day,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("reload" as const), rows: fc.nat(6), day }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("rewrite" as const, "addColumn" as const) }) },
);
const step: fc.Arbitrary<Step> = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 4, size: "max" }),
  from: fc.constantFrom<From>("postgres", "sqlite", "all", "all"),
});

/** Every kind of change by itself or among few, tried first. */
const EXAMPLE: readonly Step[] = [
  { changes: [{ kind: "insert", rows: 3, day: 2 }], from: "postgres" },
  { changes: [{ kind: "update", pick: 1, day: 0 }], from: "postgres" },
  {
    changes: [
      { kind: "run", file: 0, pick: 1, day: 1 },
      { kind: "run", file: 1, pick: 2, day: 1 },
      { kind: "copy", file: 1, pick: 0, day: 0 },
    ],
    from: "all",
  },
  { changes: [{ kind: "move", pick: 2, day: 4 }, { kind: "delete", pick: 3, day: 0 }], from: "postgres" },
  { changes: [{ kind: "addColumn" }, { kind: "oldRun", file: 0, pick: 3, day: 2 }], from: "sqlite" },
  { changes: [{ kind: "deleteUser", pick: 1, day: 0 }], from: "all" },
  { changes: [{ kind: "oldRun", file: 0, pick: 3, day: 3 }, { kind: "run", file: 0, pick: 1, day: 2 }], from: "all" },
  { changes: [{ kind: "rewrite" }, { kind: "update", pick: 0, day: 0 }], from: "postgres" },
  { changes: [{ kind: "reload", rows: 6, day: 1 }], from: "postgres" },
];

/** Both sources, and what the lake must hold of them. */
interface World {
  readonly sql: Sql;
  readonly files: readonly string[];
  /** Columns that were added to the table and to the dataset. */
  added: number;
  /** Counts whatever needs a name of its own. */
  count: number;
}

const START = 1_756_684_800;

function timeOf(world: World, day: number): number {
  return START + 86_400 * day + (world.count * 7919) % 86_400;
}

async function applyChange(world: World, change: Change): Promise<void> {
  const { sql } = world;
  world.count++;
  switch (change.kind) {
    case "reload":
      await sql.unsafe("truncate checks");
    // falls through: a table is loaded again
    case "insert":
      for (let n = 0; n < change.rows; n++) await insertCheck(world, (change.day + n) % 5);
      break;
    case "update":
      await sql`update checks set claim = ${`claim ${world.count}`}, prob_true_rpl = random() where ${
        picked(sql, change.pick)
      }`;
      break;
    case "delete":
      await sql`delete from checks where ${picked(sql, change.pick)}`;
      break;
    case "move":
      await sql`update checks set created_at = to_timestamp(${timeOf(world, change.day)}), claim = 'again'
        where ${picked(sql, change.pick)}`;
      break;
    case "deleteUser":
      await sql`delete from users where email = ${`${change.pick % 3}@example.com`}`;
      break;
    case "rewrite":
      await sql.unsafe("vacuum full checks");
      break;
    case "addColumn":
      await addColumn(world);
      break;
    default:
      changeHarness(world, change);
  }
}

const picked = (sql: Sql, pick: number) =>
  sql`id = (select id from checks order by id offset ${pick} % greatest(1, (select count(*) from checks)) limit 1)`;

async function insertCheck(world: World, day: number): Promise<void> {
  const n = ++world.count;
  const email = `${n % 3}@example.com`;
  await world.sql`insert into users (id, email) values (gen_random_uuid(), ${email}) on conflict do nothing`;
  await world.sql`
    insert into checks (id, run_id, env, user_id, claim, model, prompt_version, "K", "R", seed, prob_true_rpl, cost_usd,
      anon_token, created_at, finished_at, gate_stability_ok, n_docs)
    select gen_random_uuid(), ${`run-${n}`}, 'production', id, ${
    n % 4 === 0 ? null : `“claim” ${n}`
  }, 'gpt-5', 'v1', 8, 2,
      18446744073709551615 - ${n}, random(), ${n} / 1000000.0, ${n % 5 === 0 ? null : `token ${n}`},
      to_timestamp(${timeOf(world, day)}) + ${n} * interval '1 microsecond', now(), ${n % 2 === 0}, ${n}
    from users where email = ${email}`;
}

/** A new column with a default, which the rows that are there read as without being touched, and its line in the dataset. */
async function addColumn(world: World): Promise<void> {
  const name = `extra_${++world.added}`;
  await world.sql.unsafe(`alter table checks add column ${name} text default 'default ${world.added}'`);
  const path = "sql/export/checks.postgres.sql";
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("  null::text as execution_id", `  c.${name}::text as ${name},\n$&`));
}

/** As the harness does: a run overwrites its row, an execution is added. Old files have no executions. */
function changeHarness(world: World, { kind, file, pick, day }: Change & { kind: "run" | "oldRun" | "copy" }): void {
  using db = new DatabaseSync(world.files[file]);
  const n = ++world.count;
  if (kind === "copy") {
    // A file that was begun as a copy of another one shares its executions.
    using other = new DatabaseSync(world.files[1 - file]);
    const row = other.prepare("select * from executions order by execution_id limit 1 offset ?").get(pick % 5);
    if (row === undefined) return;
    const names = Object.keys(row);
    const values = Object.values({ ...row, claim: `copied ${n}` });
    const sql = `insert or replace into executions (${names}) values (${names.map(() => "?")})`;
    db.prepare(sql).run(...values);
    return;
  }
  const run = {
    run_id: `${kind}-${file}-${pick % 7}`,
    created_at: timeOf(world, day),
    claim: `claim ${n}`,
    model: "grok",
  };
  const costs = { provider: "xai", tokens_in: n };
  insertRow(db, "runs", { ...run, ...costs });
  if (kind === "run") insertRow(db, "executions", { ...run, execution_id: `exec-${n}` });
}

function insertRow(db: DatabaseSync, table: string, row: Record<string, string | number>): void {
  const names = Object.keys(row);
  db.prepare(`insert or replace into ${table} (${names}) values (${names.map(() => "?")})`).run(...Object.values(row));
}

/** Rows as the lake must hold them, by key; columns that are not there are NULL. */
type Expected = Map<string, Record<string, ParquetValue>>;

/** The table's rows, rendered by Postgres. */
async function readTable(sql: Sql): Promise<Expected> {
  const columns = await sql<{ name: string; type: string }[]>`
    select attname as name, format_type(atttypid, null) as type from pg_attribute
    where attrelid = 'public.checks'::regclass and attnum > 0 and not attisdropped`;
  const list = columns.map(({ name, type }) =>
    type === "timestamp with time zone"
      ? `(extract(epoch from "${name}") * 1000000)::bigint::text as "${name}"`
      : `"${name}"::text as "${name}"`
  );
  const rows = await sql.unsafe(`select ${list} from public.checks`);
  return new Map(rows.map((row) => {
    const values = columns.map(({ name, type }) => [name, row[name] === null ? null : toValue(name, type, row[name])]);
    return [row.run_id as string, { ...Object.fromEntries(values), source: "postgres" }];
  }));
}

function toValue(name: string, type: string, text: string): ParquetValue {
  if (name === "anon_token") return sha256(text);
  if (type === "integer" || type === "double precision") return Number(text);
  if (type === "boolean") return text === "true";
  if (type === "numeric") return BigInt(text.replace(".", ""));
  return type === "bigint" || type === "timestamp with time zone" ? BigInt(text) : text;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Puts what the harness files hold now over what the lake holds of them. */
function upsertHarness(expected: Expected, files: readonly string[]): void {
  for (const path of files) {
    using db = new DatabaseSync(path);
    const runs = db.prepare("select * from runs").all();
    const executions = db.prepare("select * from executions").all();
    const costs = new Map(runs.map((run) => [`${run.run_id} ${run.created_at}`, run]));
    const ran = new Set(executions.map(({ run_id }) => run_id));
    for (const row of [...executions, ...runs.filter(({ run_id }) => !ran.has(run_id))]) {
      const own = `${row.run_id}@${row.created_at}`;
      const cost = costs.get(`${row.run_id} ${row.created_at}`);
      const execution = "execution_id" in row ? row.execution_id as string : null;
      if (execution !== null) expected.delete(own);
      const micros = BigInt(row.created_at as number) * 1_000_000n;
      expected.set(execution ?? own, {
        created_at: micros,
        finished_at: micros,
        execution_id: execution,
        source: "sqlite",
        run_id: row.run_id as string,
        env: "local",
        mode: "baseline",
        claim: row.claim as string,
        claim_hash: sha256(row.claim as string),
        model: row.model as string,
        provider_model_id: row.model as string,
        provider: (cost?.provider ?? null) as string | null,
        tokens_in: typeof cost?.tokens_in === "number" ? BigInt(cost.tokens_in) : null,
      });
    }
  }
}

/** Each row group holds rows of one source, in order of created_at. */
function assertGroups(rowGroups: readonly number[], rows: readonly ParquetRow[]): void {
  let from = 0;
  for (const count of rowGroups) {
    const group = rows.slice(from, from += count);
    assert.equal(new Set(group.map(({ source }) => source)).size, 1);
    const micros = group.map(({ created_at }) => created_at as bigint);
    assert.ok(micros.every((micro, index) => index === 0 || micros[index - 1] <= micro), "in order");
  }
  assert.equal(from, rows.length);
}

/** Rows of a lane by key, each in the file of its UTC day. */
async function readRows(lane: string): Promise<Map<string, ParquetRow>> {
  const rows = new Map<string, ParquetRow>();
  for (const { path, rows: found, rowGroups } of await readLane(lane)) {
    assertGroups(rowGroups, found);
    for (const row of found) {
      const micros = row.created_at as bigint;
      assert.equal(path, `dt=${new Date(Number(micros / 1000n)).toISOString().slice(0, 10)}/checks.parquet`);
      const key = row.source === "postgres" ? row.run_id : row.execution_id ?? `${row.run_id}@${micros / 1_000_000n}`;
      assert.ok(!rows.has(`${key}`), `${key} is there once`);
      rows.set(`${key}`, row);
    }
  }
  return rows;
}

function assertHolds(rows: ReadonlyMap<string, ParquetRow>, expected: Expected): void {
  assert.deepEqual([...rows.keys()].sort(), [...expected.keys()].sort());
  for (const [key, row] of rows) {
    const wanted = Object.fromEntries(Object.keys(row).map((name) => [name, expected.get(key)![name] ?? null]));
    assert.deepEqual(row, wanted);
  }
}

/** Goes through the steps, and looks at the lake after each. */
async function check(exporter: Exporter, world: World, steps: readonly Step[], number: number): Promise<void> {
  const lake = join(exporter.home, `lake-${number}`);
  const lane = join(lake, "local");
  const request = { sqlitePaths: world.files, allowShrink: true };
  let table: Expected = new Map();
  const harness: Expected = new Map();
  for (const { changes, from } of [...steps, { changes: [], from: "all" as const }]) {
    for (const change of changes) await applyChange(world, change);
    await exportHere(exporter, { ...request, exportDir: lake, from });
    if (from !== "sqlite") table = await readTable(world.sql);
    if (from !== "postgres") upsertHarness(harness, world.files);
    assertHolds(await readRows(lane), new Map([...table, ...harness]));
    assert.deepEqual(await listDebris(lane), []);
  }
  const before = await fileStates(lane);
  await exportHere(exporter, { ...request, exportDir: lake });
  assert.deepEqual(await fileStates(lane), before, "an export of what is there already writes nothing");
  const fresh = join(exporter.home, `fresh-${number}`);
  await exportHere(exporter, { ...request, exportDir: fresh });
  const visible = new Map([...table]);
  upsertHarness(visible, world.files);
  const rows = await readRows(lane);
  // Runs that their file has overwritten are in the incremental lake alone: SQLite appends.
  for (const [key] of rows) if (!visible.has(key)) rows.delete(key);
  assert.deepEqual(await readRows(join(fresh, "local")), rows);
}

Deno.test("export after any changes holds what the sources hold, as a fresh export does", async () => {
  await using exporter = await createExporter();
  const root = Deno.cwd();
  await Deno.mkdir(join(exporter.home, "sql/export"), { recursive: true });
  Deno.chdir(exporter.home);
  try {
    const files = ["a.sqlite", "b.sqlite"].map((name) => join(exporter.home, name));
    const world: World = { sql: exporter.database.sql, files, added: 0, count: 0 };
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 6, size: "max" }), async (steps) => {
        for (const name of ["checks.postgres.sql", "checks.sqlite.sql"]) {
          await Deno.copyFile(new URL(name, SQL), join("sql/export", name));
        }
        for (let column = 1; column <= world.added; column++) {
          await world.sql.unsafe(`alter table checks drop column extra_${column}`);
        }
        await world.sql.unsafe("truncate checks");
        world.added = 0;
        for (const file of files) {
          await Deno.remove(file).catch(() => {});
          writeHarnessSample(file, { runs: 0 });
        }
        for (let n = 0; n < 8; n++) await insertCheck(world, n % 5);
        await check(exporter, world, steps, ++number);
      }),
      { seed: 20250901, numRuns: RUNS, examples: [[[...EXAMPLE]]], unbiased: true, endOnFailure: true },
    );
  } finally {
    Deno.chdir(root);
  }
});
