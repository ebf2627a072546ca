import assert from "node:assert/strict";
import { readSchema } from "../tasks/lib/schema/read.ts";
import { runCommand } from "./support/command.ts";
import { connectTo, createTestDatabase } from "./support/database.ts";

const REMOTE = "postgresql://u:topsecret@db.example.com/shop";

async function schemaOf(url: string): Promise<string> {
  await using sql = await connectTo(url);
  return JSON.stringify(await readSchema(sql));
}

for (
  const [name, env, args] of [
    ["DATABASE_URL", { DATABASE_URL: REMOTE }, ["--yes"]],
    ["DATABASE_URL, without --yes", { DATABASE_URL: REMOTE }, []],
    ["DATABASE_URL_UNPOOLED", {
      DATABASE_URL: "postgresql://u:p@localhost/shop",
      DATABASE_URL_UNPOOLED: REMOTE,
    }, ["--yes"]],
    ["DATABASE_URL, its database named", { DATABASE_URL: REMOTE }, ["--yes", "--database", "shop"]],
  ] as const
) {
  Deno.test(`db:reset refuses a host that is not local before it connects: ${name}`, async () => {
    const result = await runCommand("db:reset", args, { env, denoFlags: ["--deny-net"] });
    assert.deepEqual(result, {
      code: 3,
      stdout: "",
      stderr: 'Cannot reset database "u@db.example.com:5432/shop": host db.example.com is not local; ' +
        "point DATABASE_URL at a local database\n",
    });
  });
}

Deno.test("db:reset would fail in another way if it connected", async () => {
  const env = { DATABASE_URL: "postgresql://u:p@127.0.0.1:1/shop" };
  const { code, stderr } = await runCommand("db:reset", ["--yes"], { env, denoFlags: ["--deny-net"] });
  assert.equal(code, 1);
  assert.match(stderr, /Requires net access/);
});

for (const [env, variable] of [["staging", "DATABASE_URL_STAGING"], ["prod", "DATABASE_URL_PROD"]]) {
  for (const task of ["db:reset", "db:seed"]) {
    Deno.test(`${task} refuses --env ${env}, where the way to it is a tunnel on this machine, too`, async () => {
      await using database = await createTestDatabase();
      const args = ["--env", env, "--database", database.name, ...(task === "db:reset" ? ["--yes"] : [])];
      const result = await runCommand(task, args, { env: { [variable]: database.url }, denoFlags: ["--deny-net"] });
      assert.deepEqual(result, {
        code: 3,
        stdout: "",
        stderr: `Cannot ${task.slice(3)} environment "${env}": ` +
          `${task} works on local databases alone; leave --env out\n`,
      });
    });
  }
}

Deno.test("db:reset drops a database with contents by its mark or its name alone", async (t) => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  const reset = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand("db:reset", args, { env: { DATABASE_URL: database.url } });
    await using sql = await connectTo(database.url);
    const [{ kept }] = await sql`select to_regclass('old') is not null as kept`;
    return { code, kept, told: stdout + stderr };
  };
  await t.step("--yes is not enough for another's", async () => {
    const { code, kept, told } = await reset("--yes");
    assert.deepEqual([code, kept], [3, true]);
    assert.match(
      told,
      /": it is not empty, and bears no mark of db:up or db:reset; pass --database test_\w+ if all of it may go\n$/,
    );
  });
  await t.step("without a terminal nobody can be asked", async () => {
    const { code, kept, told } = await reset();
    assert.deepEqual([code, kept], [2, true]);
    assert.match(told, /there is no terminal to ask on; pass --database test_\w+ if all of it may go\n$/);
  });
  await t.step("another name is refused", async () => {
    const { code, kept, told } = await reset("--yes", "--database", "postgres");
    assert.deepEqual([code, kept], [3, true]);
    assert.match(told, /: --database names "postgres"; name the one in the database URL, or correct that\n$/);
  });
  await t.step("its name is enough, and leaves the mark", async () => {
    const { code, kept, told } = await reset("--database", database.name);
    assert.deepEqual([code, kept], [0, false], told);
  });
  await t.step("--yes is enough for what a reset has made", async () => {
    await using sql = await connectTo(database.url);
    await sql.unsafe("create table old (id int)");
    const { code, kept, told } = await reset("--yes");
    assert.deepEqual([code, kept], [0, false], told);
  });
  await t.step("without a terminal, --yes is what is missing", async () => {
    const { code, told } = await reset();
    assert.equal(code, 2);
    assert.match(told, /there is no terminal to ask on; pass --yes if all of it may go\n$/);
  });
});

Deno.test("db:reset makes the same schema twice, while another session is connected", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  await database.sql.unsafe("create schema aside");
  const first = await runCommand("db:reset", ["--yes"], { env });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Reset postgres@127\.0\.0\.1:\d+\/test_\w+: \d+ migrations applied\n$/);
  const schema = await schemaOf(database.url);
  assert.match(schema, /checks_request_id_fkey/);
  await using _session = await connectTo(database.url);
  assert.equal((await runCommand("db:reset", ["--yes", "--quiet"], { env })).code, 0);
  assert.equal(await schemaOf(database.url), schema);
  assert.equal((await runCommand("migrate", ["--status"], { env })).code, 0);
});

Deno.test("db:reset --seed adds the rows that db:seed adds", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  const { code, stdout, stderr } = await runCommand("db:reset", ["--yes", "--seed"], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /, demo rows added\n$/);
  const again = await runCommand("db:seed", [], { env });
  assert.match(again.stdout, /checks \+0\b/);
  await using sql = await connectTo(database.url);
  assert.ok((await sql`select * from checks`).length > 0);
});

Deno.test("db:reset makes a database that does not exist", async () => {
  await using database = await createTestDatabase();
  const url = new URL(database.url);
  url.pathname += "_new";
  const { code, stderr } = await runCommand("db:reset", ["--yes"], { env: { DATABASE_URL: url.href } });
  assert.equal(code, 0, stderr);
  assert.match(await schemaOf(url.href), /checks_request_id_fkey/);
  await database.sql.unsafe(`drop database ${database.name}_new`);
});
