import type { TaskSpec } from "./lib/task/args.ts";
import { openDatabase } from "./lib/postgres/database.ts";
import { replaceEmbedded } from "./lib/postgres/embedded_files.ts";
import { EXIT, type ExitCode, TaskError } from "./lib/task/errors.ts";
import { LOCAL_FLAGS, readLocalTarget } from "./lib/local/guard.ts";
import { readMigrations } from "./lib/migration/files.ts";
import { migrate } from "./lib/migration/run.ts";
import { isExpendable, replaceDatabase, type ResetOptions } from "./lib/local/reset.ts";
import { seedDatabase } from "./lib/local/seed.ts";
import type { ServerTarget, Target } from "./lib/task/target.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "db:reset",
  summary: "Drop, create and migrate a local database; a host that is not local is always refused.",
  flags: {
    seed: { type: "boolean", help: "add demo rows, as deno task db:seed does" },
    yes: { type: "boolean", help: "do not ask; not enough for a database with contents and without the mark" },
    ...LOCAL_FLAGS,
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function reset({ args, report, signal }: TaskContext): Promise<ExitCode | void> {
  const options = { waitMs: (args.count("wait", 0) ?? 10) * 1000, signal };
  const target = readLocalTarget(args, "reset");
  const files = await readMigrations();
  const consent = { isNamed: args.text("database") !== undefined, isAgreed: args.has("yes"), report, ...options };
  if (!(await mayReset(target, consent))) {
    report.note(`Left ${target.label} as it is`);
    return EXIT.refused;
  }
  const fill = async (empty: Target) => {
    await using database = await openDatabase(empty, { report, ...options });
    await migrate(database, files, { report, signal });
    if (!args.has("seed")) return;
    report.note("Adding demo rows");
    await seedDatabase(database.sql, { rows: 1000, days: 14, signal });
  };
  if (target.kind === "server") await replaceDatabase(target, fill, options);
  else await replaceEmbedded(target, fill, { ...options, note: report.note });
  report.result(
    `Reset ${target.label}: ${files.length} migrations applied${args.has("seed") ? ", demo rows added" : ""}`,
  );
}

interface Consent extends ResetOptions, Pick<TaskContext, "report"> {
  /** Whether --database has named the database. */
  readonly isNamed: boolean;
  /** Whether --yes was passed. */
  readonly isAgreed: boolean;
}

/** Whether all of a database may go: --database or its name typed is enough for any, --yes for one that is ours or empty.
 *
 * Errors: TaskError (exit 3) where --yes is not enough; exit 2 where there is nobody to ask.
 */
async function mayReset(target: Target, consent: Consent): Promise<boolean> {
  const { isNamed, isAgreed, report, signal } = consent;
  if (isNamed) return true;
  const question = `Drop ${target.label} with all its rows?`;
  if (target.kind === "embedded") {
    return isAgreed || orNobody(await report.ask(question, signal), target, "--yes");
  }
  const isOurs = await isExpendable(target, consent);
  if (isAgreed) return isOurs || refuseUnmarked(target);
  const typed = await report.askText(`${question} Type ${target.database} to go on:`, signal);
  return orNobody(typed, target, isOurs ? "--yes" : `--database ${target.database}`) === target.database;
}

function orNobody<T>(answer: T | undefined, { label }: Target, flag: string): T {
  if (answer !== undefined) return answer;
  throw new TaskError(
    `Cannot reset database "${label}": there is no terminal to ask on; pass ${flag} if all of it may go`,
    EXIT.usage,
  );
}

function refuseUnmarked({ label, database }: ServerTarget): never {
  throw new TaskError(
    `Cannot reset database "${label}": it is not empty, and bears no mark of db:up or db:reset; ` +
      `pass --database ${database} if all of it may go`,
    EXIT.refused,
  );
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, reset);
