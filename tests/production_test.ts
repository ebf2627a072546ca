import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";

/** A database as it is printed. */
function labelOf({ url }: TestDatabase): string {
  const { username, host, pathname } = new URL(url);
  return `${username}@${host}${pathname}`;
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
