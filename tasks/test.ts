import { startCluster } from "../tests/support/cluster.ts";

const FLAGS = ["--sanitize-ops", "--sanitize-resources"];

/** Runs the tests against one Postgres 16 of this run's own, or the one that TEST_DATABASE_URL names.
 *
 * Arguments go to `deno test`; without a file among them, all tests run. The last line is `N passed, N failed`.
 */
async function runTests(argv: readonly string[]): Promise<number> {
  const given = Deno.env.get("TEST_DATABASE_URL");
  await using cluster = given ? undefined : await startCluster();
  const places = argv.some((arg) => arg.endsWith(".ts")) ? [] : ["--ignore=tasks/test.ts", "tasks", "tests"];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--config", "tests/deno.json", "--no-prompt", ...FLAGS, ...argv, ...places],
    // What a killed test leaves in its temporary directory goes with the server's.
    env: { NO_COLOR: "1", ...(cluster ? { TEST_DATABASE_URL: cluster.url, TMPDIR: cluster.temporary } : {}) },
    stdout: "piped",
  });
  const child = command.spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4000);
  }
  const { code } = await child.status;
  const counts = tail.match(/(\d+) passed .*?\| (\d+) failed/);
  console.log(`${counts?.[1] ?? 0} passed, ${counts?.[2] ?? 1} failed`);
  return code;
}

if (import.meta.main) Deno.exitCode = await runTests(Deno.args);
