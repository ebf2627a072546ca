import type { Args } from "../task/args.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { readSettings } from "../task/settings.ts";
import type { Target } from "../task/target.ts";

/** What the tasks do that work on local databases alone, as in `Cannot <verb> database`. */
export type LocalVerb = "reset" | "seed";

/** Flags of such a task, for its spec. */
export const LOCAL_FLAGS = {
  env: { type: "string", value: "ENV", help: "local, the only environment that this task works on" },
  database: { type: "string", value: "NAME", help: "name the URL's database, where it is not marked as a local one" },
  wait: { type: "string", value: "SECONDS", help: "how long to wait for the database (default 10)" },
} as const;

/** The local database of the settings, asked for before any connection is made.
 *
 * Errors: TaskError (exit 3) for another environment, a host that is not this machine, and a --database that is not the
 * URL's; exit 2 as `readSettings`.
 */
export function readLocalTarget(args: Args, verb: LocalVerb): Target {
  const env = args.text("env") ?? "local";
  if (env === "staging" || env === "prod") {
    throw refused(`${verb} environment "${env}"`, `db:${verb} works on local databases alone; leave --env out`);
  }
  const { target } = readSettings(env, { direct: true });
  requireLocal(target, verb);
  requireNamed(target, verb, args.text("database"));
  return target;
}

/** Throws for a database that is not on this machine.
 *
 * Errors: TaskError (exit 3).
 */
export function requireLocal(target: Target, verb: LocalVerb): void {
  if (target.local) return;
  const finding = `host ${target.host} is not local; point DATABASE_URL at a local database`;
  throw refused(`${verb} database "${target.label}"`, finding);
}

function requireNamed(target: Target, verb: LocalVerb, named: string | undefined): void {
  if (named === undefined || (target.kind === "server" && target.database === named)) return;
  const remedy = target.kind === "server"
    ? "name the one in the database URL, or correct that"
    : "leave --database out";
  throw refused(`${verb} database "${target.label}"`, `--database names "${named}"; ${remedy}`);
}

function refused(what: string, finding: string): TaskError {
  return new TaskError(`Cannot ${what}: ${finding}`, EXIT.refused);
}
