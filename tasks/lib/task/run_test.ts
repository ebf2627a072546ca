import assert from "node:assert/strict";

/** A task that waits for a thread which never leaves SQLite. */
const TASK = `
  import { runTask } from ${JSON.stringify(import.meta.resolve("./run.ts"))};
  const thread = 'import { DatabaseSync } from "node:sqlite"; postMessage("ready");' +
    'new DatabaseSync(":memory:").exec("with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n");';
  Deno.exitCode = await runTask({ name: "stuck", summary: "", flags: {} }, async ({ signal }) => {
    const worker = new Worker("data:text/javascript," + encodeURIComponent(thread), { type: "module" });
    worker.onmessage = () => console.log("ready");
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    worker.terminate();
  }, []);`;

Deno.test("runTask() ends with 130 on Ctrl-C also while a thread is inside of SQLite", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `data:text/typescript,${encodeURIComponent(TASK)}`],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const start = performance.now();
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  clearTimeout(timer);
  assert.equal(new TextDecoder().decode(stderr), "Interrupted stuck; nothing half done is visible\n");
  assert.equal(code, 130);
  assert.ok(performance.now() - start < 2000);
});

/** Runs a task whose body, an expression in TypeScript, ends it in some way. */
async function runBody(body: string, argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const text = `
    import { runTask } from ${JSON.stringify(import.meta.resolve("./run.ts"))};
    import { TaskError } from ${JSON.stringify(import.meta.resolve("./errors.ts"))};
    const spec = { name: "sample", summary: "", flags: { json: { type: "boolean", help: "" } } };
    Deno.exitCode = await runTask(spec, async ({ report, signal }) => { ${body} }, ${JSON.stringify(argv)});`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `data:text/typescript,${encodeURIComponent(text)}`],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

const REFUSE = 'throw new TaskError(["Cannot a", "  b\\u001b"], 3);';

Deno.test("runTask() tells a failure on stdout as JSON where --json is given, and on stderr always", async () => {
  const [asJson, asText] = await Promise.all([runBody(REFUSE, ["--json"]), runBody(REFUSE, [])]);
  assert.deepEqual(JSON.parse(asJson.out), { error: { lines: ["Cannot a", "  b\u001b"], exitCode: 3 } });
  assert.equal(asText.out, "");
  for (const { code, err } of [asJson, asText]) assert.deepEqual([code, err], [3, "Cannot a\n  b\\u001b\n"]);
});

Deno.test("runTask() tells usage errors, interrupts and bugs as JSON, too", async () => {
  const interrupted = 'Deno.kill(Deno.pid, "SIGINT"); await new Promise((_, reject) => ' +
    'signal.addEventListener("abort", () => reject(signal.reason)));';
  const [usage, interrupt, bug, stray] = await Promise.all([
    runBody("", ["--json", "--nonsense"]),
    runBody(interrupted, ["--json"]),
    runBody('throw new Error("bug");', ["--json"]),
    runBody('Promise.reject(new Error("stray")); await new Promise((resolve) => setTimeout(resolve, 5000));', [
      "--json",
    ]),
  ]);
  const findings = [usage, interrupt, bug, stray].map(({ code, out }) => {
    const { error } = JSON.parse(out);
    assert.equal(error.exitCode, code);
    return [code, error.lines[0]];
  });
  assert.deepEqual(findings, [
    [2, "Cannot run task \"sample\": Unknown option '--nonsense'; see deno task sample --help"],
    [130, "Interrupted sample; nothing half done is visible"],
    [1, "Error: bug"],
    [1, "Error: stray"],
  ]);
});

Deno.test("runTask() leaves a result on stdout alone, whatever happens behind it", async () => {
  const { code, out } = await runBody(`report.json({ done: true }); ${REFUSE}`, ["--json"]);
  assert.deepEqual([code, JSON.parse(out)], [3, { done: true }]);
});
