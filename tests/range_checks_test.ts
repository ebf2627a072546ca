import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";

/** Inserts one row of checks with these values beside those that it needs. */
async function insert({ sql }: TestDatabase, columns: string, values: string): Promise<void> {
  await sql.unsafe(
    `insert into checks (id, run_id, env, model, prompt_version, "K", "R", ${columns})
      values (gen_random_uuid(), gen_random_uuid(), 'local', 'm', 'p', 1, 1, ${values})`,
  );
}

async function migrate({ url }: TestDatabase, ...args: string[]): Promise<string> {
  const { code, stderr } = await runCommand("migrate", args, { env: { DATABASE_URL: url } });
  assert.equal(code, 0, stderr);
  return stderr;
}

/** Name and definition of every check that is there. */
async function readChecks({ sql }: TestDatabase): Promise<ReadonlyMap<string, string>> {
  const rows = await sql`
    select conname, pg_get_constraintdef(oid) as definition from pg_constraint
    where contype = 'c' and connamespace = 'public'::regnamespace and conrelid <> 'schema_migrations'::regclass`;
  return new Map(rows.map(({ conname, definition }) => [conname, definition]));
}

Deno.test("the project's range checks are valid where no row violates them, and refuse new rows that would", async () => {
  await using database = await createTestDatabase();
  await migrate(database, "--to", "11");
  await insert(database, "prob_true_rpl, ci_lo, ci_hi", "1, 1.0000000000000002, 1");
  await migrate(database);
  const checks = await readChecks(database);
  assert.equal(checks.size, 9);
  for (const definition of checks.values()) assert.doesNotMatch(definition, /NOT VALID/);
  for (const value of ["1.0000001", "-0.1", "'NaN'"]) {
    await assert.rejects(insert(database, "prob_true_rpl", value), { code: "23514" });
  }
  await assert.rejects(insert(database, "ci_lo, ci_hi", "0.6, 0.5"), { code: "23514" });
  await assert.rejects(insert(database, "tokens_in", "-1"), { code: "23514" });
  for (const prefix of ["ci_", "ci_prior_", "ci_web_", "ci_combined_"]) {
    await insert(database, `${prefix}lo, ${prefix}hi`, "-1e-10, 1.0000000000000002");
    await assert.rejects(insert(database, `${prefix}hi`, "1.0000001"), { code: "23514" });
  }
  for (const rate of ["rpl_compliance_rate", "cache_hit_rate", "json_valid_rate", "date_confident_rate"]) {
    await insert(database, rate, "1.0000000000000002");
    await assert.rejects(insert(database, rate, "-0.0000001"), { code: "23514" });
  }
  await insert(database, "prob_true_rpl, ci_lo, ci_hi, seed", "5e-324, -0.0, 1, 18446744073709551615");
  await insert(database, "prob_true_rpl, ci_lo", "null, 0.5");
});

Deno.test("a range check that old rows violate is dropped, remembered, and stops nothing that the backend does", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await migrate(database, "--to", "11");
  await sql`insert into users (id, email) values (gen_random_uuid(), 'a@example.org')`;
  for (const [columns, values] of [["ci_hi", "1.5"], ["ci_hi", "'NaN'"], ["tokens_in", "-7"]]) {
    await insert(database, `${columns}, user_id`, `${values}, (select id from users)`);
  }
  await sql`insert into usage_ledger (user_id, period_start, period_end, plan, checks_allowed)
    select id, '2025-10-01', '2025-09-30', 'trial', 3 from users`;
  await sql`insert into anonymous_usage (token, checks_used) values ('all checks of this table are violated', -1)`;
  const stderr = await migrate(database, "--quiet");
  const warned =
    /^Warning: 0015_validate_range_checks\.sql: dropped check (\w+) of table \w+: \d rows violate it; to see/gm;
  const checks = await readChecks(database);
  const dropped = [
    "anonymous_usage_counters_not_negative",
    "checks_counters_not_negative",
    "checks_estimate_in_range",
    "usage_ledger_period_in_order",
  ];
  assert.deepEqual(dropped.filter((name) => checks.has(name)), []);
  assert.deepEqual([...stderr.matchAll(warned)].map(([, name]) => name).sort(), dropped);
  assert.equal(checks.size, 5);
  for (const definition of checks.values()) assert.doesNotMatch(definition, /NOT VALID/);
  const [{ comment }] = await sql`select obj_description('checks'::regclass) as comment`;
  const lines = (comment as string).split("\n");
  assert.match(lines[0], /^One run per row: /);
  assert.match(lines[1], /^Dropped check: checks_counters_not_negative CHECK \(\(.*tokens_in >= 0.*\)\)$/);
  assert.match(lines[2], /^Dropped check: checks_estimate_in_range CHECK \(\(.*ci_hi.*\)\)$/);
  assert.equal(lines.length, 3);
  // The backend overwrites a run, and deletes a user.
  await sql`update checks set pqs = 1`;
  await sql`delete from users`;
  await insert(database, "ci_hi", "1.5");
  // What is remembered is the way back.
  await sql`delete from checks where ci_hi > 1`;
  await sql.unsafe(`alter table checks add constraint ${lines[2].slice("Dropped check: ".length)}`);
  await assert.rejects(insert(database, "ci_hi", "1.5"), { code: "23514" });
});
