import assert from "node:assert/strict";
import { createProject, finish, waitForRow } from "./testing/migrations.ts";

Deno.test("migrate --baseline looks at the ledger again behind a runner that applies the files", async () => {
  await using project = await createProject({
    "0001_first.sql": "create table a (id int primary key);\nselect pg_advisory_xact_lock(1);\n",
  });
  const { sql } = project.database;
  await sql`select pg_advisory_lock(1)`;
  const runner = project.start();
  await waitForRow(project.database, "select from pg_locks where locktype = 'advisory' and not granted");
  const baseline = project.start("--baseline", "1");
  await waitForRow(
    project.database,
    "select from pg_stat_activity where datname = current_database() and query like 'select pg_try_advisory_lock%'",
  );
  await sql`select pg_advisory_unlock(1)`;
  assert.equal((await finish(runner)).code, 0);
  const { code, stderr } = await finish(baseline);
  assert.equal(code, 3, stderr);
  assert.match(
    stderr,
    /^Waiting for .* to finish migrating .*\nCannot migrate .* has rows already; leave out --baseline\n$/,
  );
  const rows = await sql`select version, kind from public.schema_migrations`;
  assert.deepEqual(rows.map(({ version, kind }) => [version, kind]), [[1, "applied"]]);
});
