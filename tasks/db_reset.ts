import type { TaskSpec } from "./lib/args.ts";
import { openDatabase } from "./lib/database.ts";
import { EXIT, type ExitCode, TaskError } from "./lib/errors.ts";
import { readMigrations } from "./lib/migration_files.ts";
import { migrate } from "./lib/migration_run.ts";
import { replaceDatabase, requireLocal } from "./lib/reset.ts";
import { seedDatabase } from "./lib/seed.ts";
import { readSettings } from "./lib/settings.ts";
import type { Target } from "./lib/target.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const SPEC: TaskSpec = {
  name: "db:reset",
  summary: "Drop, create and migrate a local database; a host that is not local is always refused.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local); its host must be local" },
    seed: { type: "boolean", help: "add demo rows, as deno task db:seed does" },
    yes: { type: "boolean", help: "do not ask" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function reset({ args, report, signal }: TaskContext): Promise<ExitCode | void> {
  const { target } = readSettings(args.text("env") ?? "local", { direct: true });
  requireLocal(target);
  const files = await readMigrations();
  if (!args.has("yes") && !(await confirmReset(target, { report, signal }))) {
    report.note(`Left ${target.label} as it is`);
    return EXIT.refused;
  }
  const fill = async (empty: Target) => {
    await using database = await openDatabase(empty, { report, signal });
    await migrate(database, files, { report, signal });
    if (!args.has("seed")) return;
    report.note("Adding demo rows");
    await seedDatabase(database.sql, { rows: 1000, days: 14 });
  };
  if (target.kind === "server") {
    await replaceDatabase(target, fill, signal);
  } else {
    const { removeEmbedded } = await import("./lib/embedded.ts");
    await removeEmbedded(target.directory, target.label);
    await fill(target);
  }
  report.result(
    `Reset ${target.label}: ${files.length} migrations applied${args.has("seed") ? ", demo rows added" : ""}`,
  );
}

async function confirmReset(
  { label }: Target,
  { report, signal }: Pick<TaskContext, "report" | "signal">,
): Promise<boolean> {
  const agreed = await report.ask(`Drop ${label} with all its rows?`, signal);
  if (agreed !== undefined) return agreed;
  throw new TaskError(
    `Cannot reset database "${label}": there is no terminal to ask on; pass --yes if all of it may go`,
    EXIT.usage,
  );
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, reset);
