import type { TaskSpec } from "./lib/task/args.ts";
import { isEmptyDatabase, markDatabase } from "./lib/local/mark.ts";
import { SERVICE_URL, startService } from "./lib/local/docker.ts";
import { closeConnection, connect } from "./lib/postgres/connection.ts";
import { toServerFailure } from "./lib/postgres/server_failure.ts";
import { readSettings } from "./lib/task/settings.ts";
import { parseDatabaseUrl } from "./lib/task/target.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const SPEC: TaskSpec = {
  name: "db:up",
  summary: "Start the local Postgres 16 in docker and wait until it accepts connections.",
  flags: {
    wait: { type: "string", value: "SECONDS", help: "how long to wait for connections (60)" },
    quiet: { type: "boolean", help: "no progress" },
  },
};

async function up({ args, report, signal }: TaskContext): Promise<void> {
  const waitMs = (args.count("wait", 1) ?? 60) * 1000;
  const { target } = readSettings("local", { direct: true });
  const used = target.kind === "server" && target.local;
  const service = used ? target : parseDatabaseUrl(SERVICE_URL);
  const published = await startService({ onLine: report.note, signal });
  // What docker has published is its own; the same port under another address may be a tunnel's.
  const own = published?.port === service.port ? { ...service, host: published.host } : undefined;
  const sql = await connect(own ?? service, { waitMs, signal });
  try {
    if (own && await isEmptyDatabase(sql)) await markDatabase(sql, service.database);
  } catch (error) {
    throw toServerFailure(error, { verb: "mark", ...service });
  } finally {
    await closeConnection(sql);
  }
  report.result(`Postgres accepts connections: ${service.label}`);
  if (!used) report.note("To use it, set DATABASE_URL in .env as .env.example has it");
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, up);
