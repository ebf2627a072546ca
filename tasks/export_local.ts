import type { TaskSpec } from "./lib/task/args.ts";
import { messageOf, TaskError } from "./lib/task/errors.ts";
import { DEFAULT_REQUEST } from "./lib/export/request.ts";
import { carryOutExport } from "./lib/export/command.ts";
import type { Report } from "./lib/task/console.ts";
import { readSettings, type Settings } from "./lib/task/settings.ts";
import { WRITER_FLAG } from "./lib/task/writers.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "export:local",
  summary: "Exports both local sources, Postgres and the research harness, to the lanes of local.",
  flags: {
    writer: WRITER_FLAG,
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function exportLocal({ args, report, signal }: TaskContext): Promise<void> {
  const settings = readSettings("local", { writer: { name: args.text("writer") } });
  const sqlitePaths = await findHarness(settings, report);
  const request = { ...DEFAULT_REQUEST, postgres: true, sqlitePaths, writer: settings.writer };
  await carryOutExport(request, { settings, report, signal }, args.has("json"));
}

/** The harness's file; none where the usual one is not there and nobody named another. */
async function findHarness({ harnessPath, harnessNamed }: Settings, report: Report): Promise<string[]> {
  if (harnessNamed || await exists(harnessPath)) return [harnessPath];
  report.note(`No harness file ${harnessPath}: Postgres alone is exported; name another one with HERETIX_DB_PATH`);
  return [];
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new TaskError(`Cannot read SQLite file "${path}": ${messageOf(error)}; make its directory readable`);
  }
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, exportLocal);
