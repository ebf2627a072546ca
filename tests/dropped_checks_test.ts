import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";

Deno.test("a check that a migration has dropped is a note to db:diff and db:check, one that somebody dropped a difference", async () => {
  await using database = await createTestDatabase();
  const { sql } = database;
  await sql.unsafe(`alter database ${database.name} set quote_all_identifiers = on`);
  const run = (task: string, ...args: string[]) => runCommand(task, args, { env: { DATABASE_URL: database.url } });
  assert.equal((await run("migrate", "--to", "11")).code, 0);
  await sql`insert into checks (id, run_id, env, model, prompt_version, "K", "R", p_web)
    values (gen_random_uuid(), 'a', 'local', 'm', 'p', 1, 1, 7.25)`;
  await sql`insert into users (email) values ('a@example.org')`;
  await sql`insert into usage_ledger (user_id, period_start, period_end, plan, checks_allowed)
    select id, '2025-10-01', '2025-09-30', 'trial', 3 from users`;
  const migrated = await run("migrate");
  assert.equal(migrated.code, 0, migrated.stderr);

  const [diff, check, checkJson] = [
    await run("db:diff", "--json"),
    await run("db:check"),
    await run("db:check", "--json"),
  ];
  const [{ comment }] = await sql`select obj_description('checks'::regclass) as comment`;
  const [, condition] = comment.match(/\nDropped check: checks_web_in_range CHECK \((.*)\)$/);
  const notes = [
    "constraint checks.checks_web_in_range: dropped, because rows violate it; " +
    `to see them: select * from checks where not (${condition}); when they are corrected: ` +
    `alter table checks add constraint checks_web_in_range CHECK (${condition})`,
    "constraint usage_ledger.usage_ledger_period_in_order: dropped, because rows violate it; " +
    "to see them: select * from usage_ledger where not ((period_end >= period_start)); when they are corrected: " +
    "alter table usage_ledger add constraint usage_ledger_period_in_order CHECK ((period_end >= period_start))",
  ];
  assert.deepEqual([diff.code, check.code, checkJson.code], [0, 0, 0]);
  assert.deepEqual([JSON.parse(diff.stdout).differences, JSON.parse(diff.stdout).notes], [[], notes]);
  assert.deepEqual(JSON.parse(checkJson.stdout).notes, notes);
  assert.ok(check.stdout.endsWith(notes.map((note) => `note        ${note}\n`).join("")), check.stdout);
  for (const { stdout, stderr } of [diff, check, checkJson]) assert.doesNotMatch(stdout + stderr, /7\.25|2025-09-30/);

  // One is put back as the note says, another one goes without a word.
  await sql`delete from checks`;
  await sql.unsafe(notes[0].split("when they are corrected: ")[1]);
  await sql`alter table checks drop constraint checks_prior_in_range`;
  const after = await run("db:diff");
  assert.equal(after.code, 4);
  assert.match(after.stdout, /^constraint checks\.checks_prior_in_range: wanted CHECK .*, found nothing\nnote: .*\n$/);
  assert.ok(after.stdout.endsWith(`\nnote: ${notes[1]}\n`));
  assert.doesNotMatch((await run("db:check")).stdout, /note +constraint checks/);
});
