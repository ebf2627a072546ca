import assert from "node:assert/strict";
import { commandOf, runCommand } from "./support/command.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { CTRL_C, hasTerminal, runInTerminal, type TerminalResult } from "./support/terminal.ts";

/** A database as it is printed. */
function labelOf({ url }: TestDatabase): string {
  const { username, host, pathname } = new URL(url);
  return `${username}@${host}${pathname}`;
}

/** Files in a database's ledger. */
async function countApplied({ sql }: TestDatabase): Promise<number> {
  const [{ there }] = await sql`select to_regclass('public.schema_migrations') is not null as there`;
  return there ? (await sql`select from public.schema_migrations`).length : 0;
}

Deno.test("every task that meets the database of staging or prod begins with its user, host and name", async () => {
  await using database = await createTestDatabase();
  const directory = await Deno.makeTempDir({ prefix: "heretix-production-" });
  const env = { DATABASE_URL_PROD: database.url, DATABASE_URL_STAGING: database.url, DATABASE_URL: database.url };
  const firstLine = async (task: string, ...args: readonly string[]) => {
    const { code, stderr } = await runCommand(task, args, { env: { ...env, EXPORT_DIR: directory } });
    assert.equal(code, 0, stderr);
    return stderr.split("\n")[0];
  };
  const using = (of: string) => `Using ${labelOf(database)} (--env ${of})`;
  assert.equal(await firstLine("migrate", "--env", "prod"), using("prod"));
  for (const task of ["db:check", "db:diff", "export"]) {
    assert.equal(await firstLine(task, "--env", "staging"), using("staging"), task);
  }
  assert.equal(await firstLine("db:check", "--env", "prod", "--quiet"), "");
  assert.equal(await firstLine("db:check"), "", "a server of this machine for local is told by the result alone");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("migrate asks nobody on prod where there is no terminal, as in CI", async () => {
  await using database = await createTestDatabase();
  const { code, stderr } = await runCommand("migrate", ["--env", "prod"], { env: { DATABASE_URL_PROD: database.url } });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /\?/);
  assert.ok(await countApplied(database) > 1);
});

/** Runs `migrate` in a terminal on a database of each environment, and answers its question, if any is to come. */
async function migrateInTerminal(
  { url }: TestDatabase,
  args: readonly string[],
  keys?: string,
): Promise<TerminalResult> {
  const { flags, script } = commandOf("migrate");
  const typed = keys === undefined ? [] : [["? [y/N] ", keys]] as const;
  const env = { DATABASE_URL_PROD: url, DATABASE_URL_STAGING: url, DATABASE_URL: url, NO_COLOR: "1" };
  return await runInTerminal(["run", ...flags, script, ...args], { env, typed });
}

const PROD = ["--env", "prod"];

Deno.test({
  name: "migrate on a terminal asks before it applies files to prod, and leaves it as it is without a yes",
  ignore: !hasTerminal,
  async fn() {
    await using database = await createTestDatabase();
    const label = labelOf(database);
    for (const keys of ["n\n", "\n", "\x04"]) {
      const { code, screen } = await migrateInTerminal(database, PROD, keys);
      assert.deepEqual([code, await countApplied(database)], [3, 0], screen);
      assert.match(screen, /^Using \S+ \(--env prod\)\r\nApply \d+ migrations to \S+\? \[y\/N\] /);
      assert.ok(screen.includes(` migrations to ${label}? [y/N] `), screen);
      assert.match(
        screen,
        /Cannot migrate database "\S+": nobody agreed to apply \d+ migrations; answer y, or pass --yes\r\n$/,
      );
    }
    const interrupted = await migrateInTerminal(database, PROD, CTRL_C);
    assert.deepEqual([interrupted.code, await countApplied(database)], [130, 0], interrupted.screen);
    const one = await migrateInTerminal(database, [...PROD, "--to", "1"], "y\n");
    assert.deepEqual([one.code, await countApplied(database)], [0, 1], one.screen);
    assert.match(one.screen, /\nApply 1 migration to /);
    const all = await migrateInTerminal(database, PROD, "y\n");
    assert.equal(all.code, 0, all.screen);
    assert.match(all.screen, /\nApplied \d+ migrations to \S+\r\n$/);
  },
});

Deno.test({
  name: "migrate on a terminal asks nothing with --yes, on staging, and where nothing is pending",
  ignore: !hasTerminal,
  async fn() {
    for (const args of [[...PROD, "--yes"], ["--env", "staging"], [], [...PROD, "--check"]]) {
      await using database = await createTestDatabase();
      const { code, screen } = await migrateInTerminal(database, args);
      assert.equal(code, args.includes("--check") ? 4 : 0, screen);
      assert.doesNotMatch(screen, /\?/);
      if (args.includes("--check")) continue;
      const again = await migrateInTerminal(database, PROD);
      assert.equal(again.code, 0, again.screen);
      assert.match(again.screen, /^Using \S+ \(--env prod\)\r\nNothing to do: /);
    }
  },
});
