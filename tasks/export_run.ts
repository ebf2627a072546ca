import { type TaskSpec, usageError } from "./lib/task/args.ts";
import { DEFAULT_REQUEST, type ExportRequest } from "./lib/export/request.ts";
import { carryOutExport } from "./lib/export/command.ts";
import { fromCaller, readSettings } from "./lib/task/settings.ts";
import { WRITER_FLAG } from "./lib/task/writers.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "export:run",
  summary: "Appends executions of the harness to lane local; called after each run.",
  positionals: "[RUN_ID]",
  flags: {
    latest: { type: "boolean", help: "everything that the harness has and the lane has not, in place of one RUN_ID" },
    sqlite: { type: "string", value: "PATH", help: "harness database (HERETIX_DB_PATH)" },
    writer: WRITER_FLAG,
    wait: { type: "string", value: "SECONDS", help: "how long to wait for other exports of the lane (300)" },
    out: { type: "string", value: "DIR", help: "directory of the lanes (EXPORT_DIR)" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function exportRun({ args, report, signal }: TaskContext): Promise<void> {
  const settings = readSettings("local", { writer: { name: args.text("writer") } });
  const missingOnly = args.has("latest");
  if (args.positionals.length !== (missingOnly ? 0 : 1)) throw usageError(SPEC, "it takes one RUN_ID, or --latest");
  const request: ExportRequest = {
    ...DEFAULT_REQUEST,
    sqlitePaths: [fromCaller(args.text("sqlite")) ?? settings.harnessPath],
    run: args.positionals[0],
    missingOnly,
    writer: settings.writer,
    // A row that cannot be exported is named, and must not keep the others away.
    skipBadRows: true,
    waitMs: 1000 * (args.count("wait", 0) ?? 300),
  };
  const exportDir = fromCaller(args.text("out")) ?? settings.exportDir;
  await carryOutExport(request, { settings: { ...settings, exportDir }, report, signal }, args.has("json"));
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, exportRun);
