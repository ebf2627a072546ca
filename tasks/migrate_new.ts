import { type TaskSpec, usageError } from "./lib/task/args.ts";
import { writeNewMigration } from "./lib/migration/files.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "migrate:new",
  summary: "Write the next empty migration file.",
  positionals: "NAME",
  flags: { "no-transaction": { type: "boolean", help: "for a statement that cannot run in a transaction" } },
};

async function migrateNewTask({ args, report }: TaskContext): Promise<void> {
  if (args.positionals.length === 0) {
    throw usageError(SPEC, "it takes a name, for example add_checks_index");
  }
  const transaction = !args.has("no-transaction");
  report.result(await writeNewMigration(args.positionals.join(" "), { transaction }));
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, migrateNewTask);
