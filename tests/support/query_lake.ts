import { join } from "node:path";
import { runCommand } from "./command.ts";
import { createExporter, type Exporter } from "./exporter.ts";
import { createHarnessFile, type HarnessRow } from "./harness.ts";
import type { Sql } from "../../tasks/lib/postgres/connection.ts";
import { literal } from "../../tasks/lib/parquet/quote.ts";
import { type Asked, PARAMETER_NAMES } from "../../tasks/lib/analytics/parameters.ts";

/** Values of a row by column, as JSON has them. */
export type AnswerRow = Readonly<Record<string, string | number | boolean | null>>;

/** A lake of four lanes, exported from two databases and two harness files, and a Postgres that has all of their rows. */
export interface QueryLake extends AsyncDisposable {
  /** Its directory, as EXPORT_DIR has it. */
  readonly directory: string;
  /** Rows that Postgres gives for what a named query asks, in order. */
  answer(query: string, asked: Asked): Promise<readonly AnswerRow[]>;
}

const read = (name: string) => Deno.readTextFile(new URL(`queries/${name}.sql`, import.meta.url));

const ROWS = await read("rows");
const VIEWS = await read("views");
const ANSWERS = new Map(
  (await read("answers")).split(/^-- name: /m).slice(1).map((block) => {
    const [name, ...sql] = block.split("\n");
    return [name, sql.join("\n")];
  }),
);

/** Makes the databases, and exports them: `a` in an earlier state to the lane staging, in its last state to prod, `b` and
 * the harness to local, whose days from July on somebody copied to laptop. */
export async function createQueryLake(): Promise<QueryLake> {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await createExporter());
  const b = stack.use(await createExporter());
  const truth = stack.use(await createExporter()).database.sql;
  const directory = join(a.home, "lake");
  for (const { sql } of [a.database, b.database, { sql: truth }]) await sql.unsafe(ROWS);
  const files = [join(a.home, "harness.sqlite"), join(a.home, "older.sqlite")];
  await writeHarness(files, truth);
  const exportTo = async (env: string, { database }: Exporter, sqlite: readonly string[]) => {
    const variable = env === "local" ? "DATABASE_URL" : `DATABASE_URL_${env.toUpperCase()}`;
    const from = sqlite.length > 0 ? ["--from", "all", ...sqlite.flatMap((path) => ["--sqlite", path])] : [];
    const { code, stderr } = await runCommand("export", ["--env", env, ...from, "--out", directory], {
      env: { [variable]: database.url },
    });
    if (code !== 0) throw new Error(stderr);
  };
  await fill(a.database.sql, "earlier");
  await exportTo("staging", a, []);
  await fill(a.database.sql, "a");
  await exportTo("prod", a, []);
  await fill(b.database.sql, "b");
  await exportTo("local", b, files);
  for (const dataset of ["", ".requests", ".usage_ledger"]) {
    await copyFromJuly(join(directory, `local${dataset}`), join(directory, `laptop${dataset}`));
  }
  await truth.unsafe(`create table given (model text, env text, claim text, since date, until date); ${VIEWS}`);
  const made = stack.move();
  return {
    directory,
    answer: (query, asked) => answer(truth, query, asked),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

async function copyFromJuly(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (/^dt=2025-0[56]/.test(name)) continue;
    if (isDirectory) await copyFromJuly(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Writes the rows of a place, "a" or "b", or those of database a in its earlier state. */
async function fill(sql: Sql, place: string): Promise<void> {
  const from = place === "earlier" ? "earlier" : `(select * from planned where place = '${place}')`;
  const columns = await sql`select column_name as name from information_schema.columns
    where table_name = 'planned' and column_name not in ('place', 'n', 'execution_id', 'source') order by ordinal_position`;
  const names = columns.map(({ name }) => `"${name}"`);
  const changes = names.filter((name) => name !== '"id"').map((name) => `${name} = excluded.${name}`);
  await sql.unsafe(`
    insert into users (id, email) select md5('user ' || n)::uuid, n || '@example.org' from generate_series(0, 4) as n
      on conflict do nothing;
    insert into requests (id, created_at, claim, mode, env) select * from planned_requests
      ${
    place === "earlier" ? "where id in (select request_id from earlier)" : place === "b" ? "where false" : ""
  } on conflict do nothing;
    insert into checks (${names}) select ${names} from ${from} as rows
      on conflict (id) do update set ${changes};
    insert into usage_ledger (user_id, period_start, period_end, plan, checks_allowed, checks_used, updated_at)
      select user_id, month, month_end, plan, allowed,
        ${place === "earlier" ? "used / 2, '2025-05-20'" : "used, '2025-08-10'"} from planned_usage
        ${place === "b" ? "where false" : ""}
      on conflict (user_id, period_start) do update set checks_used = excluded.checks_used, updated_at = excluded.updated_at`);
}

const SHARED =
  `run_id, extract(epoch from created_at)::integer as created_at, claim, model, prompt_version, "K", "R", "T", "B",
  prob_true_rpl, ci_lo, ci_hi, ci_width, stability_score, rpl_compliance_rate, cache_hit_rate`;
const GATES = `pqs::integer as pqs, gate_compliance_ok::integer as gate_compliance_ok,
  gate_stability_ok::integer as gate_stability_ok, gate_precision_ok::integer as gate_precision_ok`;

/** Writes the rows of the places h and o as a harness would have them. */
async function writeHarness([newer, older]: readonly string[], sql: Sql): Promise<void> {
  using file = createHarnessFile(newer);
  using old = createHarnessFile(older, "runs");
  const rowsOf = async (query: string) => await sql.unsafe(query) as unknown as HarnessRow[];
  file.db.exec("begin");
  for (
    const row of await rowsOf(`select execution_id, ${SHARED}, ${GATES} from planned
    where place = 'h' and execution_id is not null`)
  ) file.insert("executions", row);
  for (
    const row of await rowsOf(
      `select distinct on (run_id) ${SHARED}, ${GATES}, provider, tokens_in::integer as tokens_in,
      tokens_out::integer as tokens_out, cost_usd::double precision as cost_usd
    from planned where place = 'h' order by run_id, planned.created_at desc, n desc`,
    )
  ) file.insert("runs", row);
  file.db.exec("commit");
  for (const row of await rowsOf(`select ${SHARED} from planned where place = 'o'`)) old.insert("runs", row);
}

async function answer(sql: Sql, query: string, asked: Asked): Promise<readonly AnswerRow[]> {
  const given = PARAMETER_NAMES.map((name) => asked[name] === undefined ? "null" : literal(asked[name]));
  const [{ rows }] = await sql.begin(async (transaction) => {
    await transaction.unsafe(`set local time zone 'UTC'; delete from given; insert into given values (${given})`);
    return await transaction.unsafe(
      `select coalesce(json_agg(q), '[]')::text as rows from (${ANSWERS.get(query)}) as q`,
    );
  });
  return JSON.parse(rows);
}
