import { join } from "node:path";
import { type TaskSpec, usageError } from "./lib/args.ts";
import { TaskError } from "./lib/errors.ts";
import { DEFAULT_REQUEST, runExport } from "./lib/export_run.ts";
import { formatOutcome, toJson } from "./lib/export_text.ts";
import { unfinishedPath } from "./lib/lake.ts";
import { readSettings } from "./lib/settings.ts";
import { openHarness } from "./lib/sqlite.ts";
import { latestRun } from "./lib/sqlite_source.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const SPEC: TaskSpec = {
  name: "export:run",
  summary: "Appends the executions of one harness run to lane local; called after each run.",
  positionals: "[RUN_ID]",
  flags: {
    latest: { type: "boolean", help: "the run of the newest execution" },
    sqlite: { type: "string", value: "PATH", help: "harness database (HERETIX_DB_PATH)" },
    wait: { type: "string", value: "SECONDS", help: "how long to wait for other exports of the lane (300)" },
    out: { type: "string", value: "DIR", help: "directory of the lanes (EXPORT_DIR)" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function exportRun({ args, report, signal }: TaskContext): Promise<void> {
  const settings = readSettings("local");
  const path = args.text("sqlite") ?? settings.harnessPath;
  if (args.positionals.length !== (args.has("latest") ? 0 : 1)) {
    throw usageError(SPEC, "it takes one RUN_ID, or --latest");
  }
  const run = args.positionals[0] ?? await readLatest(path, signal);
  const request = { ...DEFAULT_REQUEST, sqlitePaths: [path], run, waitMs: 1000 * (args.count("wait", 0) ?? 300) };
  const exportDir = args.text("out") ?? settings.exportDir;
  const outcome = await runExport(request, { settings: { ...settings, exportDir }, report, signal });
  report.result(args.has("json") ? toJson(outcome) : formatOutcome(outcome));
}

async function readLatest(path: string, signal: AbortSignal): Promise<string> {
  using stack = new DisposableStack();
  const home = stack.adopt(await Deno.makeTempDir(), (path) => Deno.removeSync(path, { recursive: true }));
  const scratch = unfinishedPath(join(home, "harness"));
  using harness = await openHarness(path, { scratch, range: {}, signal });
  const run = latestRun(harness);
  if (run === undefined) {
    throw new TaskError(`Cannot export the latest run of "${path}": it has none; run the harness first`);
  }
  return run;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, exportRun);
