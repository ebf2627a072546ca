import { type Args, type TaskSpec, usageError } from "./lib/task/args.ts";
import { isDay } from "./lib/dataset/day.ts";
import type { ExportRequest } from "./lib/export/request.ts";
import { carryOutExport } from "./lib/export/command.ts";
import type { openS3 } from "./lib/store/s3.ts";
import type { ObjectStore } from "./lib/store/store.ts";
import { fromCaller, readSettings, type Settings, type StoreChoice } from "./lib/task/settings.ts";
import { WRITER_FLAG } from "./lib/task/writers.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "export",
  summary: "Exports the datasets of sql/export, all or those that are named, to Parquet: a lane each, a folder a day.",
  positionals: "[DATASET...]",
  flags: {
    from: { type: "string", value: "SOURCE", help: "postgres (default), sqlite or all; sqlite goes to lane local" },
    env: { type: "string", value: "NAME", help: "local (default), staging or prod" },
    sqlite: { type: "string", value: "PATH", help: "harness database (HERETIX_DB_PATH)", multiple: true },
    since: { type: "string", value: "DAY", help: "first day to look at, YYYY-MM-DD" },
    until: { type: "string", value: "DAY", help: "last day to look at" },
    full: { type: "boolean", help: "read every day of Postgres, and write those that differ" },
    "dry-run": { type: "boolean", help: "print the plan, write nothing" },
    verify: {
      type: "boolean",
      help: "as --full, and look at every byte of the existing files; with --to, at every object's digest",
    },
    redact: {
      type: "string",
      value: "A,B",
      help: "columns that leave as NULL, in every dataset that has them; the lanes keep them so",
    },
    "allow-shrink": { type: "boolean", help: "accept a source that has lost more than half of its days or rows" },
    "new-source": { type: "boolean", help: "let another Postgres take the lane over" },
    "skip-bad-rows": { type: "boolean", help: "leave out rows that Parquet cannot hold; they are named" },
    threads: {
      type: "string",
      value: "N",
      help: "threads that read and write, some 200 MB each (as many as there are cores, at most 4)",
    },
    writer: WRITER_FLAG,
    wait: {
      type: "string",
      value: "SECONDS",
      help: "how long to wait for the server (60, 10 on this machine), the lane or the embedded database (60)",
    },
    "idle-timeout": {
      type: "string",
      value: "SECONDS",
      help: "how long Postgres may send no row, once there was one (60)",
    },
    out: { type: "string", value: "DIR", help: "directory of the lanes (EXPORT_DIR)" },
    to: { type: "string", value: "URL", help: "s3://BUCKET/PREFIX in place of a directory (EXPORT_URL)" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function exportDatasets({ args, report, signal }: TaskContext): Promise<void> {
  const settings = readSettings(args.text("env") ?? "local", {
    store: storeOf(args),
    writer: { name: args.text("writer") },
  });
  const request = toRequest(args, settings);
  const exportDir = fromCaller(args.text("out")) ?? settings.exportDir;
  const store = settings.store && await openStore(settings.store, { signal, note: report.note });
  await carryOutExport(request, { settings: { ...settings, exportDir }, report, signal, store }, args.has("json"));
}

/** What may name a store; undefined where a directory is asked for. */
function storeOf(args: Args): StoreChoice | undefined {
  const url = args.text("to");
  const isForDisk = args.text("out") !== undefined || (args.text("from") ?? "postgres") !== "postgres";
  if (url !== undefined && isForDisk) throw usageError(SPEC, "--to goes with neither --out nor --from sqlite or all");
  return isForDisk ? undefined : { url, isOptional: true };
}

/** The client of stores is loaded only here. */
async function openStore(...args: Parameters<typeof openS3>): Promise<ObjectStore> {
  return (await import("./lib/store/s3.ts")).openS3(...args);
}

function toRequest(args: Args, { env, harnessPath, writer }: Settings): ExportRequest {
  const from = args.text("from") ?? "postgres";
  const paths = args.texts("sqlite").map(fromCaller);
  if (!["postgres", "sqlite", "all"].includes(from)) {
    throw usageError(SPEC, `--from takes postgres, sqlite or all, not "${from}"`);
  }
  if (from === "postgres" && paths.length > 0) throw usageError(SPEC, "--sqlite goes with --from sqlite or --from all");
  if (from !== "postgres" && env !== "local") {
    throw usageError(SPEC, `--from ${from} goes to lane local, not to ${env}`);
  }
  const range = { since: dayOf(args, "since"), until: dayOf(args, "until") };
  if (range.since && range.until && range.since > range.until) throw usageError(SPEC, "--since is after --until");
  return {
    datasets: args.positionals.length > 0 ? args.positionals : undefined,
    postgres: from !== "sqlite",
    sqlitePaths: from === "postgres" ? [] : paths.length > 0 ? paths : [harnessPath],
    range,
    redacted: args.text("redact") === "" ? [] : args.text("redact")?.split(",").map((name) => name.trim()),
    full: args.has("full"),
    dryRun: args.has("dry-run"),
    verify: args.has("verify"),
    allowShrink: args.has("allow-shrink"),
    newSource: args.has("new-source"),
    skipBadRows: args.has("skip-bad-rows"),
    threads: args.count("threads", 1),
    missingOnly: false,
    writer,
    waitMs: args.milliseconds("wait", 0) ?? 60_000,
    serverWaitMs: args.milliseconds("wait", 0),
    idleMs: 1000 * (args.count("idle-timeout", 1) ?? 60),
  };
}

function dayOf(args: Args, name: "since" | "until"): string | undefined {
  const day = args.text(name);
  if (day !== undefined && !isDay(day)) throw usageError(SPEC, `--${name} takes a day as YYYY-MM-DD, not "${day}"`);
  return day;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, exportDatasets);
