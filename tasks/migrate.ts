import type { TaskSpec } from "./lib/task/args.ts";
import { openDatabase } from "./lib/postgres/database.ts";
import type { ExitCode } from "./lib/task/errors.ts";
import { type Migration, readMigrations } from "./lib/migration/files.ts";
import { confirmApply, confirmRehearsal, parseMigrateRequest, refusePooledHost } from "./lib/migration/request.ts";
import { carryOutRequest } from "./lib/migration/command.ts";
import { readSettings } from "./lib/task/settings.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "migrate",
  summary: "Apply the pending migrations of sql/migrations.",
  flags: {
    env: { type: "string", value: "ENV", help: "local, staging or prod (default local)" },
    status: { type: "boolean", help: "list every file and where it stands" },
    check: { type: "boolean", help: "exit 4 when files are pending; change nothing" },
    "dry-run": { type: "boolean", help: "print the files that would be applied; run nothing" },
    rehearse: { type: "boolean", help: "really run them in one transaction, then roll back" },
    to: { type: "string", value: "N", help: "apply no file after N" },
    baseline: { type: "string", value: "N", help: "adopt a database that already has what files 1 to N make" },
    "accept-edit": { type: "string", value: "N", multiple: true, help: "take applied file N as it is now" },
    "allow-out-of-order": { type: "boolean", help: "apply files older than the last applied one, too" },
    wait: { type: "string", value: "SECONDS", help: "how long to wait for the database, and for locks (default 60)" },
    yes: { type: "boolean", help: "do not ask before applying or rehearsing on prod" },
    json: { type: "boolean", help: "print the result as JSON" },
    quiet: { type: "boolean", help: "print nothing but the result, warnings and errors" },
  },
};

async function migrateTask({ args, report, signal }: TaskContext): Promise<ExitCode> {
  const waitMs = (args.count("wait", 0) ?? 60) * 1000;
  const { env, target } = readSettings(args.text("env") ?? "local", { direct: true });
  const files = await readMigrations();
  const request = parseMigrateRequest(args, files);
  if (request.writes) refusePooledHost(target);
  const asks = env === "prod" && !args.has("yes");
  if (request.mode === "rehearse" && asks) await confirmRehearsal(target.label, report, signal);
  const confirm = asks
    ? (pending: readonly Migration[]) => confirmApply(pending, target.label, { report, signal })
    : undefined;
  await using database = await openDatabase(target, { report, env, waitMs, signal });
  const json = args.has("json");
  return await carryOutRequest(database, files, { ...request, report, waitMs, signal, confirm, json });
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, migrateTask);
