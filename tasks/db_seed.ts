import type { TaskSpec } from "./lib/args.ts";
import { openDatabase } from "./lib/database.ts";
import { LOCAL_FLAGS, readLocalTarget } from "./lib/local_guard.ts";
import { requireSeedable, seedDatabase } from "./lib/seed.ts";
import { toServerFailure } from "./lib/server_failure.ts";
import { runTask, type TaskContext } from "./lib/task.ts";

const spec: TaskSpec = {
  name: "db:seed",
  summary: "Add deterministic demo rows to a local database; what is there already stays.",
  flags: {
    rows: { type: "string", value: "N", help: "rows of checks (default 1000)" },
    days: { type: "string", value: "D", help: "days they are spread over, up to 2025-09-30 (default 14)" },
    ...LOCAL_FLAGS,
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function seed({ args, report, signal }: TaskContext): Promise<void> {
  const options = { rows: args.count("rows", 1) ?? 1000, days: args.count("days", 1) ?? 14, signal };
  const waitMs = (args.count("wait", 0) ?? 10) * 1000;
  const target = readLocalTarget(args, "seed");
  await using database = await openDatabase(target, { report, waitMs, signal });
  try {
    const isNamed = args.text("database") !== undefined;
    if (target.kind === "server" && !isNamed) await requireSeedable(database.sql, target, options);
    const counts = Object.entries(await seedDatabase(database.sql, options));
    report.result(`Seeded ${database.label}: ${counts.map(([table, count]) => `${table} +${count}`).join(", ")}`);
  } catch (error) {
    throw toServerFailure(error, { verb: "seed", ...target });
  }
}

if (import.meta.main) Deno.exitCode = await runTask(spec, seed);
