import type { TaskSpec } from "./lib/task/args.ts";
import { openExportedLanes } from "./lib/remote/open.ts";
import { openS3 } from "./lib/store/s3.ts";
import { readStoreSettings } from "./lib/task/settings.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "lake:list",
  summary: "Lists the objects that hold the newest snapshot of a lake in object storage, a URL a line.",
  positionals: "[DATASET...]",
  flags: {
    env: { type: "string", value: "NAME", help: "local (default), staging or prod" },
    to: { type: "string", value: "URL", help: "s3://BUCKET/PREFIX (EXPORT_URL)" },
    json: { type: "boolean", help: "print lanes, generations, days, sizes and digests as JSON" },
    quiet: { type: "boolean", help: "print the result alone" },
  },
};

async function list({ args, report, signal }: TaskContext): Promise<void> {
  const { env, store } = readStoreSettings(args.text("env") ?? "local", { url: args.text("to") });
  const { lanes } = await openExportedLanes(openS3(store, { signal, note: report.note }), env, args.positionals);
  const listed = lanes.map(({ url, snapshot: { generation, objects, lane } }) => ({
    url,
    generation,
    objects: Object.entries(objects).map(([day, key]) => {
      const [{ sizeBytes, sha256 }] = lane.days[day].files;
      return { day, url: `${url}/${key}`, sizeBytes, sha256 };
    }),
  }));
  if (args.has("json")) report.json({ lanes: listed });
  else report.result(listed.flatMap(({ objects }) => objects.map(({ url }) => url)));
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, list);
