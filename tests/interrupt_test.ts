import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { commandOf, ROOT, UNSET } from "./support/command.ts";
import { sampleRow, writeSampleLake } from "./support/sample_lake.ts";

/** No machine lives to see its end. */
const ENDLESS = "select count(*) from range(1000000000000) a, range(1000000) b";

/** How long a task may take to end: a tenth of a second where nothing holds it, for ever where the engine does. */
const PATIENCE_MS = 5000;

function start(name: string, args: readonly string[]): Deno.ChildProcess {
  const { flags, script } = commandOf(name);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, script, ...args],
    cwd: ROOT,
    env: { ...UNSET, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Sends a signal and expects the task to end as interrupted. */
async function interrupt(child: Deno.ChildProcess, signal: Deno.Signal, name: string): Promise<void> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  assert.deepEqual([code, decoder.decode(stdout), decoder.decode(stderr)], [
    130,
    "",
    `Interrupted ${name}; nothing half done is visible\n`,
  ]);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a process has computed for longer than it needs to start. */
async function waitForWork({ pid }: Deno.ChildProcess): Promise<void> {
  const hundredths = async () => {
    const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  while (await hundredths() < 250) await sleep(50);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `${signal} ends analytics in the middle of an endless query`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using lake = await writeSampleLake({
        "local/dt=2025-09-01/checks.parquet": [sampleRow("a", "2025-09-01")],
      });
      const child = start("analytics", ["--dir", lake.directory, "--sql", ENDLESS]);
      await waitForWork(child);
      await interrupt(child, signal, "analytics");
    },
  });
}

Deno.test({
  name: "SIGINT ends report while a file keeps the engine waiting",
  ignore: Deno.build.os === "windows",
  async fn() {
    const lake = await Deno.makeTempDir({ prefix: "heretix-lake-" });
    try {
      // Whoever opens a pipe that nobody writes to waits for ever.
      const pipe = join(lake, "local/dt=2025-09-01/checks.parquet");
      await Deno.mkdir(dirname(pipe), { recursive: true });
      assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
      const child = start("report", ["--dir", lake, "--out", join(lake, "report.html")]);
      await sleep(2000);
      await interrupt(child, "SIGINT", "report");
    } finally {
      await Deno.remove(lake, { recursive: true });
    }
  },
});
