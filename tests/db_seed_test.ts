import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";

Deno.test("db:seed refuses a host that is not local before it connects", async () => {
  const { code, stderr } = await runCommand("db:seed", [], {
    env: { DATABASE_URL: "postgresql://u:topsecret@db.example.com/shop" },
  });
  assert.equal(code, 3);
  assert.equal(
    stderr,
    'Cannot seed database "u@db.example.com:5432/shop": host db.example.com is not local; ' +
      "point DATABASE_URL at a local database\n",
  );
});

Deno.test("db:seed adds to no rows of unknown origin, unless the database is named", async (t) => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  const seed = (...args: string[]) => runCommand("db:seed", ["--rows", "5", ...args], { env });
  const rows = async () => Number((await database.sql`select count(*) from checks`)[0].count);
  assert.match((await seed()).stderr, /^Cannot seed .* does not exist; run deno task migrate first\n$/);
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  await t.step("empty tables need no name", async () => {
    const { code, stdout, stderr } = await seed();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /checks \+5\b/);
  });
  await t.step("rows do", async () => {
    const { code, stderr } = await seed("--days", "3");
    assert.equal(code, 3);
    assert.match(
      stderr,
      /: it holds rows, and no mark of db:up or db:reset; pass --database test_\w+ if demo rows may come among them\n$/,
    );
    assert.equal(await rows(), 5);
  });
  await t.step("another name does not help", async () => {
    assert.equal((await seed("--database", "postgres")).code, 3);
  });
  await t.step("its name does", async () => {
    const { code, stdout } = await seed("--rows", "7", "--database", database.name);
    assert.equal(code, 0);
    assert.match(stdout, /checks \+2\b/);
  });
});

Deno.test("db:seed takes whole numbers only", async () => {
  assert.equal((await runCommand("db:seed", ["--rows", "0"])).code, 2);
});
