import assert from "node:assert/strict";
import { runCommand } from "./testing/command.ts";
import { testUrl } from "./testing/database.ts";

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
    const result = await runCommand(task, [], { env: { PATH: `${directory}:/usr/bin:/bin`, ...env } });
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

Deno.test("db:up waits for the service, then for a connection", async () => {
  const url = testUrl("postgres");
  const { code, stdout, stderr, calls } = await withDocker('[ "$2" != up ] || echo Started >&2', "db:up", {
    DATABASE_URL: url,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Postgres accepts connections: postgres@127\.0\.0\.1:\d+\/postgres\n$/);
  assert.equal(stderr, "Started\n");
  assert.deepEqual(calls.slice(1), ["compose version", "compose up --detach --wait --wait-timeout 120"]);
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
