import type { TaskSpec } from "./lib/args.ts";
import { openDatabase } from "./lib/database.ts";
import type { ExitCode } from "./lib/errors.ts";
import { readMigrations } from "./lib/migration_files.ts";
import { migrate, readPlan } from "./lib/migration_run.ts";
import { readSettings } from "./lib/settings.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const spec: TaskSpec = {
  name: "migrate",
  summary: "Apply the pending migrations of sql/migrations.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local)" },
    status: { type: "boolean", help: "list the files and where they stand, change nothing" },
    wait: { type: "string", value: "SECONDS", help: "how long to wait for the server and for locks (default 60)" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function migrateTask({ args, report, signal }: TaskContext): Promise<ExitCode | void> {
  const waitMs = (args.count("wait", 0) ?? 60) * 1000;
  const { target } = readSettings(args.text("env") ?? "local", { direct: true });
  const files = await readMigrations();
  await using database = await openDatabase(target, { report, waitMs, signal });
  if (args.has("status")) {
    const { entries } = await readPlan(database, files);
    report.result(entries.map(({ name, state }) => `${state.padEnd(8)} ${name}`).join("\n"));
    return;
  }
  const { applied } = await migrate(database, files, { report, waitMs, signal });
  report.result(
    applied.length === 0
      ? `Nothing to do: ${database.label} is up to date`
      : `Applied ${applied.length} migrations to ${database.label}`,
  );
}

if (import.meta.main) Deno.exitCode = await runTask(spec, migrateTask);
