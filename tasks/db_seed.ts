import type { TaskSpec } from "./lib/task/args.ts";
import { openDatabase } from "./lib/postgres/database.ts";
import { LOCAL_FLAGS, readLocalTarget } from "./lib/local/guard.ts";
import { requireSeedable, seedDatabase, type SeedStep } from "./lib/local/seed.ts";
import { toServerFailure } from "./lib/postgres/server_failure.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
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
  const rows = args.count("rows", 1) ?? 1000;
  const onStep = (step: SeedStep) => report.progress(formatStep(step, rows));
  const options = { rows, days: args.count("days", 1) ?? 14, signal, onStep };
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

function formatStep({ table, rows }: SeedStep, total: number): string {
  return table === "checks" ? `Seeding checks, ${rows} of ${total} rows` : `Seeding ${table}`;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, seed);
