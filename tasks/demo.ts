import type { TaskSpec } from "./lib/task/args.ts";
import { runChildTask } from "./lib/task/child.ts";
import { lockFile } from "./lib/task/file_lock.ts";
import { writeHarnessSample } from "./lib/sources/harness_sample.ts";
import { VARIABLES } from "./lib/task/settings.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

/** Everything the demo makes; removed when it starts. */
const DIRECTORY = "data/demo";

/** An empty variable counts as unset, and hides what .env says. */
const SETTINGS = {
  ...Object.fromEntries(VARIABLES.map((name) => [name, ""])),
  EMBEDDED_DIR: `${DIRECTORY}/pglite`,
  HERETIX_DB_PATH: `${DIRECTORY}/heretix.sqlite`,
  EXPORT_DIR: `${DIRECTORY}/exports`,
  // Paths are the project's, wherever the user stands.
  INIT_CWD: "",
};

const SPEC: TaskSpec = {
  name: "demo",
  summary: `Run the whole path on the embedded database, from nothing to tables, in ${DIRECTORY}.`,
  flags: {},
};

async function demo({ report, signal }: TaskContext): Promise<void> {
  await Deno.mkdir("data", { recursive: true });
  using _lock = await lockFile(`${DIRECTORY}.lock`, { what: "the demo" });
  await Deno.remove(DIRECTORY, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(DIRECTORY);
  const run = async (name: string, ...args: string[]) => {
    report.result(["", `$ deno task ${[name, ...args].join(" ")}`]);
    await runChildTask(name, args, { env: SETTINGS, signal });
  };
  report.result(`Everything below happens in ${DIRECTORY}; no other database is touched.`);
  await run("migrate");
  await run("db:seed", "--rows", "600", "--days", "14");
  const { runs, executions } = writeHarnessSample(SETTINGS.HERETIX_DB_PATH, { runs: 36 });
  const written = `${SETTINGS.HERETIX_DB_PATH}, a research file of ${runs} runs and ${executions} executions`;
  report.result(["", `Wrote ${written}`]);
  await run("export", "--from", "all");
  await run("analytics", "overview");
  await run("analytics", "prompt_versions");
  await run("analytics", "bias_gap");
  report.result(CLOSING.split("\n"));
}

/** How somebody without an installed deno runs a task: by the version that runs here. */
const NPX = `npx -y deno@${Deno.version.deno} task`;

const CLOSING = `
The Parquet files are in ${DIRECTORY}/exports, one directory a day.

Try next, from this directory:
${NPX} report --dir ${DIRECTORY}/exports
${NPX} analytics --list
${NPX} analytics claim_models --dir ${DIRECTORY}/exports
${NPX} analytics --sql "describe checks_latest" --dir ${DIRECTORY}/exports

The same on your own database, or without DATABASE_URL in .env on an embedded one:
${NPX} migrate
${NPX} db:seed
${NPX} export
${NPX} report`;

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, demo);
