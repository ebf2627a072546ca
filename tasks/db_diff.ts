import type { TaskSpec } from "./lib/task/args.ts";
import { type DatabaseOptions, openDatabase } from "./lib/postgres/database.ts";
import { EXIT, type ExitCode } from "./lib/task/errors.ts";
import { ALEMBIC_TABLE, describeAlembic } from "./lib/migration/baseline.ts";
import { readMigrations } from "./lib/migration/files.ts";
import { hasLedger } from "./lib/migration/ledger.ts";
import { type ActualSchema, formatDifferences } from "./lib/schema/schema.ts";
import { readActualSchema } from "./lib/schema/read.ts";
import { compareWithState } from "./lib/schema/states.ts";
import { buildSchemas } from "./lib/schema/scratch.ts";
import { toServerFailure } from "./lib/postgres/server_failure.ts";
import { readSettings } from "./lib/task/settings.ts";
import type { Target } from "./lib/task/target.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "db:diff",
  summary: "Compare a database's public schema with what sql/migrations make; exit 4 when they differ.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local)" },
    wait: {
      type: "string",
      value: "SECONDS",
      help: "how long to wait for the database (default 60, 10 on this machine)",
    },
    json: { type: "boolean", help: "print the differences as JSON" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function diff({ args, report, signal }: TaskContext): Promise<ExitCode> {
  const waitMs = args.milliseconds("wait", 0);
  const { env, target } = readSettings(args.text("env") ?? "local", { direct: true });
  const files = await readMigrations();
  const { schema, unadopted } = await readDatabase(target, { report, env, waitMs, signal });
  const states = await buildSchemas(files);
  const { differences, ...compared } = compareWithState(states, files.length, schema);
  const notes = [...unadopted ? [describeAlembic(states, schema)] : [], ...compared.notes];
  if (args.has("json")) report.json({ database: target.label, differences, notes });
  else {
    const same = `${target.label} is what ${files.length} migrations make`;
    const lines = differences.length > 0 ? formatDifferences(differences) : [same];
    report.result([...lines, ...notes.map((note) => `note: ${note}`)]);
  }
  if (differences.length === 0) return EXIT.done;
  report.note(
    `${target.label} differs in ${differences.length} objects from what ${files.length} migrations make; ` +
      "run deno task migrate where files are pending, else write a migration or undo what was done by hand",
  );
  return EXIT.pending;
}

interface Found {
  /** What is compared. */
  readonly schema: ActualSchema;
  /** Whether Alembic made it, and nobody has adopted it. */
  readonly unadopted: boolean;
}

/** The embedded database is closed again before the scratch one opens. */
async function readDatabase(target: Target, options: DatabaseOptions): Promise<Found> {
  await using database = await openDatabase(target, options);
  try {
    const schema = await readActualSchema(database.sql);
    const isAlembics = schema.objects.some(({ kind, name }) => kind === "table" && name === ALEMBIC_TABLE);
    return { schema, unadopted: isAlembics && !await hasLedger(database.sql) };
  } catch (error) {
    throw toServerFailure(error, { verb: "compare", ...target });
  }
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, diff);
