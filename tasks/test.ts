import { startCluster } from "../tests/support/cluster.ts";

const FLAGS = ["--sanitize-ops", "--sanitize-resources"];

/** How a run of `deno test` ended. */
interface TestRun {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
}

/** Runs the tests that the arguments name, or all: the end-to-end tests of exports and a few more, which take as long as all
 * others, beside these.
 *
 * Each run has a Postgres 16 of its own, or the one that TEST_DATABASE_URL names. The last line is `N passed, N failed`.
 */
async function runTests(argv: readonly string[]): Promise<number> {
  const places = argv.some((arg) => arg.endsWith(".ts")) ? [[]] : await splitTests();
  const printed: Uint8Array[] = [];
  const runs = await Promise.all(places.map((some, index) =>
    // Two outputs at once could not be read: the second one follows.
    runSome([...argv, ...some], async (chunk) => index === 0 ? await print(chunk) : void printed.push(chunk))
  ));
  for (const chunk of printed) await print(chunk);
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  console.log(`${sum(runs.map(({ passed }) => passed))} passed, ${sum(runs.map(({ failed }) => failed))} failed`);
  return Math.max(...runs.map(({ code }) => code));
}

/** Arguments that name all tests, in two parts that take about as long. Files are named one by one: --ignore passes over
 * those beside the configuration. */
async function splitTests(): Promise<string[][]> {
  const names = await Array.fromAsync(Deno.readDir("tests"), ({ name }) => name);
  const files = names.filter((name) => name.endsWith("_test.ts")).map((name) => `tests/${name}`).sort();
  const isLong = (file: string) => /^tests\/(adopt|demo|export)_/.test(file);
  return [["--ignore=tasks/test.ts", "tasks", ...files.filter((file) => !isLong(file))], files.filter(isLong)];
}

async function runSome(args: readonly string[], onOutput: (chunk: Uint8Array) => Promise<void>): Promise<TestRun> {
  const given = Deno.env.get("TEST_DATABASE_URL");
  await using cluster = given ? undefined : await startCluster();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--config", "tests/deno.json", "--no-prompt", ...FLAGS, ...args],
    // What a killed test leaves in its temporary directory goes with the server's.
    env: { NO_COLOR: "1", ...(cluster ? { TEST_DATABASE_URL: cluster.url, TMPDIR: cluster.temporary } : {}) },
    stdout: "piped",
  }).spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await onOutput(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4000);
  }
  const { code } = await child.status;
  const counts = tail.match(/(\d+) passed .*?\| (\d+) failed/);
  return { code, passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 1) };
}

async function print(chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await Deno.stdout.write(chunk.subarray(at));
}

if (import.meta.main) Deno.exitCode = await runTests(Deno.args);
