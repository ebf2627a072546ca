import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readSchema } from "./lib/schema_read.ts";
import { runCommand } from "./testing/command.ts";
import { connectTo, createTestDatabase } from "./testing/database.ts";

const REMOTE = "postgresql://u:topsecret@db.example.com/shop";

async function schemaOf(url: string): Promise<string> {
  await using sql = await connectTo(url);
  return JSON.stringify(await readSchema(sql));
}

for (
  const [name, env, args] of [
    ["DATABASE_URL", { DATABASE_URL: REMOTE }, ["--yes"]],
    ["DATABASE_URL, without --yes", { DATABASE_URL: REMOTE }, []],
    ["DATABASE_URL with a query that names this machine", {
      DATABASE_URL: `${REMOTE}?host=localhost&hostaddr=127.0.0.1&sslmode=require`,
    }, ["--yes"]],
    ["DATABASE_URL_UNPOOLED", {
      DATABASE_URL: "postgresql://u:p@localhost/shop",
      DATABASE_URL_UNPOOLED: REMOTE,
    }, ["--yes"]],
    ["--env staging", { DATABASE_URL_STAGING: REMOTE }, ["--yes", "--env", "staging"]],
    ["--env prod", { DATABASE_URL_PROD: REMOTE }, ["--yes", "--env=prod"]],
  ] as const
) {
  Deno.test(`db:reset refuses a host that is not local before it connects: ${name}`, async () => {
    const result = await runCommand("db:reset", args, { env, denoFlags: ["--deny-net"] });
    assert.deepEqual(result, {
      code: 3,
      stdout: "",
      stderr: 'Cannot reset database "u@db.example.com/shop": host db.example.com is not local; ' +
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

Deno.test("db:reset without a terminal wants --yes and changes nothing", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  const { code, stdout, stderr } = await runCommand("db:reset", [], { env: { DATABASE_URL: database.url } });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /there is no terminal to ask on; pass --yes if all of it may go/);
  assert.equal((await database.sql`select * from old`).length, 0);
});

Deno.test("db:reset makes the same schema twice, while another session is connected", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  await database.sql.unsafe("create table old (id int); create schema aside");
  const first = await runCommand("db:reset", ["--yes"], { env });
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^Reset postgres@127\.0\.0\.1\/test_\w+: \d+ migrations applied\n$/);
  const schema = await schemaOf(database.url);
  assert.match(schema, /checks_request_id_fkey/);
  assert.doesNotMatch(schema, /"old"/);
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

Deno.test("db:reset makes the embedded database anew", async () => {
  const directory = `data/test-${crypto.randomUUID()}`;
  const path = fileURLToPath(new URL(`../${directory}`, import.meta.url));
  const env = { EMBEDDED_DIR: directory };
  try {
    const { code, stdout, stderr } = await runCommand("db:reset", ["--yes"], { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Reset embedded database in data\/test-\S+: \d+ migrations applied\n$/);
    await Deno.writeTextFile(`${path}/left-over`, "");
    assert.equal((await runCommand("db:reset", ["--yes"], { env })).code, 0);
    await assert.rejects(Deno.stat(`${path}/left-over`), Deno.errors.NotFound);
    const check = await runCommand("db:check", [], { env });
    assert.equal(check.code, 0, check.stdout + check.stderr);
  } finally {
    await Deno.remove(path, { recursive: true });
    await Deno.remove(`${path}.lock`);
  }
});

Deno.test("db:reset refuses an EMBEDDED_DIR that holds something else", async () => {
  const directory = `data/test-${crypto.randomUUID()}`;
  const path = fileURLToPath(new URL(`../${directory}`, import.meta.url));
  await Deno.mkdir(path);
  try {
    await Deno.writeTextFile(`${path}/notes.txt`, "mine");
    const { code, stderr } = await runCommand("db:reset", ["--yes"], { env: { EMBEDDED_DIR: directory } });
    assert.equal(code, 3);
    assert.match(stderr, /the directory holds something else; point EMBEDDED_DIR at a directory of its own/);
    assert.equal(await Deno.readTextFile(`${path}/notes.txt`), "mine");
  } finally {
    await Deno.remove(path, { recursive: true });
    await Deno.remove(`${path}.lock`);
  }
});
