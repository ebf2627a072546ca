import type { TaskSpec } from "./lib/args.ts";
import { openDatabase } from "./lib/database.ts";
import { EXIT, TaskError } from "./lib/errors.ts";
import { seedDatabase } from "./lib/seed.ts";
import { toServerFailure } from "./lib/server_failure.ts";
import { readSettings } from "./lib/settings.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const spec: TaskSpec = {
  name: "db:seed",
  summary: "Add deterministic demo rows to a local database; what is there already stays.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local); its host must be local" },
    rows: { type: "string", value: "N", help: "rows of checks (default 1000)" },
    days: { type: "string", value: "D", help: "days they are spread over, up to 2025-09-30 (default 14)" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function seed({ args, report, signal }: TaskContext): Promise<void> {
  const options = { rows: args.count("rows", 1) ?? 1000, days: args.count("days", 1) ?? 14 };
  const { target } = readSettings(args.text("env") ?? "local", { direct: true });
  if (!target.local) {
    throw new TaskError(
      `Cannot seed database "${target.label}": its host is not local; point DATABASE_URL at a local database`,
      EXIT.refused,
    );
  }
  await using database = await openDatabase(target, { report, signal });
  try {
    const counts = Object.entries(await seedDatabase(database.sql, options));
    report.result(`Seeded ${database.label}: ${counts.map(([table, count]) => `${table} +${count}`).join(", ")}`);
  } catch (error) {
    throw toServerFailure(error, { verb: "seed", ...target });
  }
}

if (import.meta.main) Deno.exitCode = await runTask(spec, seed);
