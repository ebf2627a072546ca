import type { TaskSpec } from "./lib/args.ts";
import { EXIT, TaskError } from "./lib/errors.ts";
import { writeNewMigration } from "./lib/migration_new.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const spec: TaskSpec = {
  name: "migrate:new",
  summary: "Write the next empty migration file.",
  positionals: "NAME",
  flags: { "no-transaction": { type: "boolean", help: "for a statement that cannot run in a transaction" } },
};

async function migrateNewTask({ args, report }: TaskContext): Promise<void> {
  if (args.positionals.length === 0) {
    throw new TaskError('Cannot run task "migrate:new": it takes a name; for example add_checks_index', EXIT.usage);
  }
  const transaction = !args.has("no-transaction");
  report.result(await writeNewMigration(args.positionals.join(" "), { transaction }));
}

if (import.meta.main) Deno.exitCode = await runTask(spec, migrateNewTask);
