import type { TaskSpec } from "./lib/task/args.ts";
import { openExportedLanes } from "./lib/remote/open.ts";
import { findPrunable, prune } from "./lib/remote/prune.ts";
import { openS3 } from "./lib/store/s3.ts";
import { readStoreSettings } from "./lib/task/settings.ts";
import { countOf } from "./lib/task/plural.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const DAY_MS = 86_400_000;

const SPEC: TaskSpec = {
  name: "lake:prune",
  summary:
    "Removes objects of a lake in object storage that left its newest snapshot some days ago, or were never in one.",
  positionals: "[DATASET...]",
  flags: {
    env: { type: "string", value: "NAME", help: "local (default), staging or prod" },
    to: { type: "string", value: "URL", help: "s3://BUCKET/PREFIX (EXPORT_URL)" },
    "keep-days": {
      type: "string",
      value: "N",
      help: "how long readers of older snapshots find their objects (7); 0: they fail at once",
    },
    "dry-run": { type: "boolean", help: "tell what would go, remove nothing" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function pruneLanes({ args, report, signal }: TaskContext): Promise<void> {
  const { env, store } = readStoreSettings(args.text("env") ?? "local", { url: args.text("to") });
  const beforeMs = Date.now() - DAY_MS * (args.count("keep-days", 0) ?? 7);
  const { lanes } = await openExportedLanes(openS3(store, { signal, note: report.note }), env, args.positionals);
  const isDry = args.has("dry-run");
  const results = [];
  for (const lane of lanes) {
    const objects = findPrunable(lane, beforeMs);
    if (!isDry) await prune(lane, objects);
    const sizeBytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    results.push({ url: lane.url, objects: objects.length, sizeBytes });
  }
  if (args.has("json")) report.json({ lanes: results, dryRun: isDry });
  else {
    report.result(
      results.map(({ url, objects, sizeBytes }) =>
        `${isDry ? "Would remove" : "Removed"} ${countOf(objects, "object")} (${
          (sizeBytes / 1e6).toFixed(1)
        } MB) of ${url}`
      ),
    );
  }
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, pruneLanes);
