import type { TaskSpec } from "./lib/args.ts";
import { DEFAULT_REQUEST, runExport } from "./lib/export_run.ts";
import { formatOutcome, toJson } from "./lib/export_text.ts";
import { readSettings } from "./lib/settings.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const SPEC: TaskSpec = {
  name: "export:local",
  summary: "Exports both local sources, Postgres and the research harness, to lane local.",
  flags: {
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function exportLocal({ args, report, signal }: TaskContext): Promise<void> {
  const settings = readSettings("local");
  const request = { ...DEFAULT_REQUEST, postgres: true, sqlitePaths: [settings.harnessPath] };
  const outcome = await runExport(request, { settings, report, signal });
  report.result(args.has("json") ? toJson(outcome) : formatOutcome(outcome));
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, exportLocal);
