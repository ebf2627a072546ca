import type { TaskSpec } from "./lib/task/args.ts";
import { stopService } from "./lib/local/docker.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "db:down",
  summary: "Stop the local Postgres 16; its rows stay in the docker volume.",
  flags: { quiet: { type: "boolean", help: "no progress" } },
};

async function down({ report, signal }: TaskContext): Promise<void> {
  await stopService({ onLine: report.note, signal });
  report.result("Stopped Postgres; its rows stay in the docker volume");
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, down);
