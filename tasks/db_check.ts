import type { TaskSpec } from "./lib/task/args.ts";
import { type Database, openDatabase } from "./lib/postgres/database.ts";
import { formatDroppedCheck } from "./lib/schema/dropped_checks.ts";
import { EXIT, type ExitCode, TaskError } from "./lib/task/errors.ts";
import { findProblems, findUnmet, formatHealth, type LedgerFacts, readServerFacts } from "./lib/postgres/health.ts";
import { readMigrations } from "./lib/migration/files.ts";
import { readLedger } from "./lib/migration/ledger.ts";
import { readPlan } from "./lib/migration/state.ts";
import { readDroppedChecks } from "./lib/schema/read.ts";
import { toServerFailure } from "./lib/postgres/server_failure.ts";
import { readSettings } from "./lib/task/settings.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "db:check",
  summary: "Tell the health of a database; exit 1 when it is not healthy.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local)" },
    wait: {
      type: "string",
      value: "SECONDS",
      help: "how long to wait for the database (default 60, 10 on this machine)",
    },
    json: { type: "boolean", help: "print the findings as JSON" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function check({ args, report, signal }: TaskContext): Promise<ExitCode> {
  const waitMs = args.milliseconds("wait", 0);
  const { env, target } = readSettings(args.text("env") ?? "local", { direct: true });
  try {
    await using database = await openDatabase(target, { report, env, waitMs, signal });
    const server = await readServerFacts(database.sql);
    const found = await readLedger(database.sql);
    const ledger = found.kind === "unreadable" ? null : await readLedgerFacts(database);
    const notes = [
      ...findUnmet(target),
      ...(found.kind === "unreadable" ? [found.finding] : []),
      ...(await readDroppedChecks(database.sql)).map(formatDroppedCheck),
    ];
    const problems = findProblems(server, ledger);
    if (args.has("json")) {
      report.json({ database: target.label, healthy: problems.length === 0, problems, notes, server, ledger });
    } else report.result(formatHealth(server, ledger, { label: target.label, problems, notes }));
    return problems.length === 0 ? EXIT.done : EXIT.failed;
  } catch (error) {
    const failure = toServerFailure(error, { verb: "check", ...target });
    if (failure instanceof TaskError && args.has("json")) {
      const problems = [failure.message];
      report.json({ database: target.label, healthy: false, problems, notes: [], server: null, ledger: null });
    }
    throw failure;
  }
}

/** A ledger that nobody can plan with is a finding here, not an error. */
async function readLedgerFacts(database: Database): Promise<LedgerFacts> {
  const files = await readMigrations();
  try {
    const { entries, pending, findings } = await readPlan(database, files);
    const applied = entries.filter(({ row }) => row !== undefined).length;
    return { applied, pending: pending.map(({ name }) => name), conflicts: findings };
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    return { applied: 0, pending: [], conflicts: [error.message] };
  }
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, check);
