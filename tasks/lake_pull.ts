import { type TaskSpec, usageError } from "./lib/task/args.ts";
import { isDay } from "./lib/dataset/day.ts";
import { pullLanes } from "./lib/remote/pull.ts";
import { openS3 } from "./lib/store/s3.ts";
import { fromCaller, readStoreSettings } from "./lib/task/settings.ts";
import { countOf } from "./lib/task/plural.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "lake:pull",
  summary: "Brings the newest snapshot of a lake in object storage to the disk, only what differs.",
  positionals: "[DATASET...]",
  flags: {
    env: { type: "string", value: "NAME", help: "local (default), staging or prod" },
    to: { type: "string", value: "URL", help: "s3://BUCKET/PREFIX, the lake to read (EXPORT_URL)" },
    since: { type: "string", value: "DAY", help: "first day to bring, YYYY-MM-DD; earlier ones stay as they are" },
    out: { type: "string", value: "DIR", help: "directory of the lanes (EXPORT_DIR)" },
    "new-source": { type: "boolean", help: "replace lanes that mirror another Postgres" },
    wait: { type: "string", value: "SECONDS", help: "how long to wait for an export of the lanes (60)" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function pull({ args, report, signal }: TaskContext): Promise<void> {
  const { env, store, exportDir } = readStoreSettings(args.text("env") ?? "local", { url: args.text("to") });
  const since = args.text("since");
  if (since !== undefined && !isDay(since)) throw usageError(SPEC, `--since takes a day as YYYY-MM-DD, not "${since}"`);
  const pulled = await pullLanes(openS3(store, { signal, note: report.note }), {
    env,
    names: args.positionals,
    since,
    exportDir: fromCaller(args.text("out")) ?? exportDir,
    newSource: args.has("new-source"),
    waitMs: 1000 * (args.count("wait", 0) ?? 60),
    report,
    signal,
  });
  if (args.has("json")) report.json({ lanes: pulled });
  else {
    report.result(
      pulled.map(({ directory, url, generation, files, sizeBytes, removedDays, unchangedDays }) =>
        `Brought snapshot ${generation} of ${url} to ${directory}: ${countOf(files, "file")} (${
          (sizeBytes / 1e6).toFixed(1)
        } MB), ` +
        `${unchangedDays} were there${removedDays > 0 ? `, ${countOf(removedDays, "day")} removed` : ""}`
      ),
    );
  }
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, pull);
