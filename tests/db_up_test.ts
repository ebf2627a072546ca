import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";
import { isMarked } from "../tasks/lib/local/mark.ts";
import { createTestDatabase } from "./support/database.ts";

/** Runs a task with a docker that is a shell script. */
async function withDocker(
  script: string,
  task: "db:up" | "db:down",
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string; calls: string[] }> {
  const directory = await Deno.makeTempDir();
  try {
    const calls = `${directory}/calls`;
    await Deno.writeTextFile(`${directory}/docker`, `#!/bin/sh\necho "$@" >> ${calls}\n${script}\n`, { mode: 0o755 });
    const result = await runCommand(task, task === "db:up" ? ["--wait", "1"] : [], {
      env: { PATH: `${directory}:/usr/bin:/bin`, ...env },
    });
    return { ...result, calls: (await Deno.readTextFile(calls)).trim().split("\n") };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("db:up without docker says what to do instead", async () => {
  const { code, stderr } = await runCommand("db:up", [], { env: { PATH: "/nonexistent" } });
  assert.equal(code, 1);
  assert.match(stderr, /docker is not installed; .*unset DATABASE_URL to use the embedded database/);
});

for (const task of ["db:up", "db:down"] as const) {
  Deno.test(`${task} without a running engine passes on what docker says`, async () => {
    const { code, stderr, calls } = await withDocker('echo "Cannot connect to the Docker daemon" >&2; exit 1', task);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /no engine to talk to \(Cannot connect to the Docker daemon\); start docker, or unset DATABASE_URL/,
    );
    assert.equal(calls.length, 1);
  });
}

Deno.test("db:up without the compose plugin says so", async () => {
  const { code, stderr } = await withDocker('if [ "$1" = compose ]; then exit 1; fi', "db:up");
  assert.equal(code, 1);
  assert.match(stderr, /docker has no compose plugin; install docker compose/);
});

/** A docker that has published a service on an address. */
const publishing = (address: string) =>
  `if [ "$2" = up ]; then echo Started >&2; fi; if [ "$2" = port ]; then echo ${address}; fi`;

Deno.test("db:up waits for the service, then for a connection, and marks its empty database", async () => {
  await using database = await createTestDatabase();
  const { host } = new URL(database.url);
  const { code, stdout, stderr, calls } = await withDocker(publishing(host), "db:up", { DATABASE_URL: database.url });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Postgres accepts connections: postgres@127\.0\.0\.1:\d+\/test_\w+\n$/);
  assert.equal(stderr, "Started\n");
  assert.deepEqual(calls.slice(1), [
    "compose version",
    "compose up --detach --wait --wait-timeout 120",
    "compose port postgres 5432",
  ]);
  assert.equal(await isMarked(database.sql, database.name), true);
  await database.sql.unsafe("create table t ()");
  assert.equal((await runCommand("db:reset", ["--yes"], { env: { DATABASE_URL: database.url } })).code, 0);
});

Deno.test("db:up marks no database with contents, and none that docker has not published", async (t) => {
  await using database = await createTestDatabase();
  const { host, port } = new URL(database.url);
  const up = async (address: string, url = database.url) => {
    const variables = { DATABASE_URL: "postgresql://u@127.0.0.1:1/pooled", DATABASE_URL_UNPOOLED: url };
    const { code, stderr } = await withDocker(publishing(address), "db:up", variables);
    return [code, await isMarked(database.sql, database.name), stderr];
  };
  await t.step("another port, as of a tunnel", async () => {
    assert.deepEqual(await up("127.0.0.1:1"), [0, false, "Started\n"]);
  });
  await t.step("no address", async () => assert.deepEqual(await up("none"), [0, false, "Started\n"]));
  await t.step("another address of the same port, as of a tunnel: docker's own is taken", async () => {
    await database.sql.unsafe("create table t ()");
    assert.deepEqual(await up(host), [0, false, "Started\n"]);
    await database.sql.unsafe("drop table t");
    assert.deepEqual(await up(host, database.url.replace(host, `[::1]:${port}`)), [0, true, "Started\n"]);
  });
});

Deno.test("db:up fails with docker's last line when the service does not start", async () => {
  const { code, stderr } = await withDocker(
    'if [ "$2" = up ]; then echo pulling >&2; printf "port is already allocated" >&2; exit 7; fi',
    "db:up",
  );
  assert.equal(code, 1);
  assert.match(stderr, /docker compose failed \(port is already allocated\)/);
});

Deno.test("db:down leaves the volume", async () => {
  const { code, calls } = await withDocker("exit 0", "db:down");
  assert.equal(code, 0);
  assert.equal(calls.at(-1), "compose down");
});
