import assert from "node:assert/strict";
import { freePort } from "../tasks/lib/postgres/free_port.ts";
import { sleep } from "../tasks/lib/task/sleep.ts";
import { createAuthority, opensslTest } from "./support/certificates.ts";
import { startCluster } from "./support/cluster.ts";
import { runCommand } from "./support/command.ts";
import { createTestDatabase, testUrl } from "./support/database.ts";
import { insertChecks } from "./support/exporter.ts";
import { type RunningTask, startTask } from "./support/running_task.ts";
import { answerStartUp, close, encodeError, forward, startServer } from "./support/servers.ts";

/** Tasks that wait for a server, with what makes each one end with 0 on a migrated database. */
const TASKS: Readonly<Record<string, readonly string[]>> = {
  export: ["checks"],
  "db:check": [],
  "db:diff": [],
  migrate: ["--check"],
};

/** The tasks at work on one database. */
interface Running extends AsyncDisposable {
  readonly tasks: readonly RunningTask[];
  /** How all of them ended. */
  results(): Promise<readonly Awaited<RunningTask["result"]>[]>;
}

/** Starts each of the tasks; the export writes into a directory of its own. */
async function startAll(url: string, ...flags: readonly string[]): Promise<Running> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-wait-" });
  const env = { DATABASE_URL: url, EXPORT_DIR: directory };
  const tasks = Object.entries(TASKS).map(([name, args]) => startTask(name, [...args, ...flags], env));
  return {
    tasks,
    results: () => Promise.all(tasks.map(({ result }) => result)),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** What a task says of its waiting, the database left out. */
function waits(stderr: string): readonly string[] {
  return [...stderr.matchAll(/^Waiting for \S+: (.*)$/gm)].map(([, finding]) => finding);
}

function urlAt(port: number, host = "127.0.0.1"): string {
  return `postgres://me:s3cr3t@${host}:${port}/db`;
}

Deno.test("exports and checks wait for a server that is started late, and say so once", async () => {
  await using cluster = await startCluster();
  await using database = await createTestDatabase(cluster.url);
  assert.equal((await runCommand("migrate", [], { env: { DATABASE_URL: database.url } })).code, 0);
  await insertChecks(database, 1, 3);
  await cluster.stop();
  await using running = await startAll(database.url, "--wait", "60");
  await Promise.all(running.tasks.map(({ told }) => told("Waiting for ")));
  await cluster.start();
  for (const { code, stderr } of await running.results()) {
    assert.deepEqual([code, waits(stderr)], [0, ["nothing listens there"]], stderr);
  }
});

Deno.test("exports and checks wait for a server that starts up, and for a compute that wakes", async () => {
  await using database = await createTestDatabase();
  assert.equal((await runCommand("migrate", [], { env: { DATABASE_URL: database.url } })).code, 0);
  const answers = [
    encodeError("57P03", "the database system is starting up"),
    encodeError("57P03", "the database system is not yet accepting connections"),
    encodeError("XX000", "could not wake up compute node"),
  ];
  const { port } = new URL(database.url);
  for (const [name, args] of Object.entries(TASKS)) {
    using server = startServer(async (connection, number) => {
      if (number > answers.length) await forward(connection, Number(port));
      else await answerStartUp(connection, answers[number - 1]);
    });
    const url = new URL(database.url);
    url.port = `${server.port}`;
    const directory = await Deno.makeTempDir({ prefix: "heretix-wait-" });
    const { code, stderr } = await runCommand(name, args, { env: { DATABASE_URL: url.href, EXPORT_DIR: directory } });
    await Deno.remove(directory, { recursive: true });
    assert.deepEqual([code, waits(stderr)], [0, ["the database system is starting up"]], stderr);
  }
});

for (
  const [how, serve, finding] of [
    ["accepts and closes", close, "it closes the connection"],
    ["never answers", () => {}, "it does not answer"],
  ] as const
) {
  Deno.test(`exports and checks give up on a port that ${how} when --wait is over, and say once that they wait`, async () => {
    using server = startServer(serve);
    await using running = await startAll(urlAt(server.port), "--wait", "4");
    for (const { code, stdout, stderr, seconds } of await running.results()) {
      assert.deepEqual([code, stdout, waits(stderr)], [1, "", [finding]], stderr);
      assert.match(stderr, new RegExp(`^Cannot connect to "me@\\S+": ${finding}; `, "m"));
      assert.ok(seconds > 3.8 && seconds < 9, `${seconds} s`);
      assert.equal(stderr.includes("s3cr3t"), false);
    }
  });

  Deno.test(`Ctrl-C ends exports and checks within a second that wait for a port that ${how}`, async () => {
    using server = startServer(serve);
    await using running = await startAll(urlAt(server.port), "--wait", "60");
    await Promise.all(running.tasks.map(({ told }) => told("Waiting for ")));
    // By now the pause between two attempts is longer than a second.
    await sleep(3500);
    for (const task of running.tasks) {
      const pressed = performance.now();
      task.interrupt();
      const { code, stderr } = await task.result;
      assert.ok(performance.now() - pressed < 1000, `${performance.now() - pressed} ms`);
      assert.equal(code, 130);
      assert.match(stderr, /^Interrupted [\w:]+; nothing half done is visible$/m);
    }
  });
}

Deno.test("exports and checks fail at once on a wrong password, an unknown database and an unknown name", async () => {
  using server = startServer((connection) =>
    answerStartUp(connection, encodeError("28P01", 'password authentication failed for user "me"'))
  );
  const refusals: readonly (readonly [url: string, finding: RegExp])[] = [
    [urlAt(server.port), /: password authentication failed .*; check user and password in the database URL\n$/],
    [testUrl("no_such_database"), /: database "no_such_database" does not exist; create the database or /],
    [urlAt(5432, "no-such-host.invalid"), /: its name cannot be resolved; check that the server runs /],
  ];
  for (const [url, finding] of refusals) {
    await using running = await startAll(url);
    for (const { code, stderr, seconds } of await running.results()) {
      assert.deepEqual([code, waits(stderr)], [1, []], stderr);
      assert.match(stderr, finding);
      assert.ok(seconds < 8, `${seconds} s`);
    }
  }
});

/** A spelling of 127.0.0.1 that only a resolver understands: to the tasks it is a host that is not local. */
const ELSEWHERE = "0x7f.1";

opensslTest("exports and checks fail at once on a certificate by an authority that is not trusted", async () => {
  await using cluster = await startCluster();
  const { issue } = await createAuthority(cluster.temporary);
  await cluster.stop();
  await cluster.start(await issue(`DNS:${ELSEWHERE}`));
  const url = new URL(cluster.url);
  url.hostname = ELSEWHERE;
  await using running = await startAll(url.href);
  for (const { code, stderr, seconds } of await running.results()) {
    assert.deepEqual([code, waits(stderr)], [1, []], stderr);
    assert.match(
      stderr,
      /^Using \S+@0x7f\.1\S+ \(--env local\)\nCannot connect to "\S+": its certificate is by an authority /,
    );
    assert.ok(seconds < 8, `${seconds} s`);
  }
});

Deno.test("without --wait a server of this machine is waited for ten seconds, one elsewhere for longer", async () => {
  const port = await freePort();
  await using here = await startAll(urlAt(port));
  await using elsewhere = await startAll(urlAt(port, ELSEWHERE));
  // A migration waits for locks, too, and a minute for all of it.
  const [migrate, ...others] = here.tasks.toReversed();
  for (const { result } of others) {
    const { code, stderr, seconds } = await result;
    assert.deepEqual([code, waits(stderr)], [1, ["nothing listens there"]], stderr);
    assert.ok(seconds > 9.8 && seconds < 18, `${seconds} s`);
  }
  for (const task of [...elsewhere.tasks, migrate]) {
    await task.told("Waiting for ");
    task.interrupt();
    assert.equal((await task.result).code, 130);
  }
});
