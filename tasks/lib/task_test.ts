import assert from "node:assert/strict";

/** A task that waits for a thread which never leaves SQLite. */
const TASK = `
  import { runTask } from ${JSON.stringify(import.meta.resolve("./task.ts"))};
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
