import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { EXIT, TaskError } from "./errors.ts";
import {
  type CertificateFile,
  certificateFile,
  type Environment,
  ENVIRONMENTS,
  parseDatabaseUrl,
  type Target,
  TargetError,
} from "./target.ts";

/** Variables that the tasks read; deno.json's permission sets and .env.example list the same. */
export const VARIABLES = [
  "DATABASE_URL",
  "DATABASE_URL_STAGING",
  "DATABASE_URL_PROD",
  "DATABASE_URL_UNPOOLED",
  "DATABASE_URL_STAGING_UNPOOLED",
  "DATABASE_URL_PROD_UNPOOLED",
  "DATABASE_CA",
  "PGSSLROOTCERT",
  "EMBEDDED_DIR",
  "HERETIX_DB_PATH",
  "EXPORT_DIR",
] as const;

/** Name of one of the variables. */
export type Variable = (typeof VARIABLES)[number];

/** Values by variable name; an empty value counts as unset. */
export type Variables = Readonly<Partial<Record<Variable, string>>>;

/** What a task needs to know about its surroundings, checked. */
export interface Settings {
  /** The chosen environment. */
  readonly env: Environment;
  /** The database of the chosen environment. */
  readonly target: Target;
  /** The harness's SQLite file. */
  readonly harnessPath: string;
  /** Whether somebody named it: the usual one need not be there. */
  readonly harnessNamed: boolean;
  /** Directory of the lake: its lanes are folders in it. */
  readonly exportDir: string;
}

/** Settings for one environment, from variables alone.
 *
 * `direct` prefers the `_UNPOOLED` variant of the URL, as migrations need.
 *
 * Errors: TaskError (exit 2) that lists every problem at once, without any value.
 */
export function toSettings(variables: Variables, env: string, options: { direct?: boolean } = {}): Settings {
  const problems: string[] = [];
  if (!(ENVIRONMENTS as readonly string[]).includes(env)) {
    problems.push(`--env takes ${ENVIRONMENTS.join(", ")}, not "${env}"`);
  }
  const targets = new Map(ENVIRONMENTS.map((name) => [name as string, targetOf(variables, name, problems, options)]));
  const target = targets.get(env);
  if (target === undefined && problems.length === 0) {
    problems.push(
      `${urlVariable(env as Environment)} is not set, and --env ${env} needs it; set it in the environment or .env`,
    );
  }
  if (problems.length > 0) {
    throw new TaskError(["Cannot use the settings:", ...problems.map((line) => `  ${line}`)], EXIT.usage);
  }
  return {
    env: env as Environment,
    target: target!,
    harnessPath: variables.HERETIX_DB_PATH || "runs/heretix.sqlite",
    harnessNamed: Boolean(variables.HERETIX_DB_PATH),
    exportDir: exportDirOf(variables),
  };
}

function exportDirOf({ EXPORT_DIR }: Variables): string {
  return EXPORT_DIR || "data/exports";
}

function urlVariable(env: Environment): "DATABASE_URL" | "DATABASE_URL_STAGING" | "DATABASE_URL_PROD" {
  return env === "local" ? "DATABASE_URL" : env === "staging" ? "DATABASE_URL_STAGING" : "DATABASE_URL_PROD";
}

/** Target of one environment; undefined, with the problem added, where its URL is bad or missing. */
function targetOf(
  variables: Variables,
  env: Environment,
  problems: string[],
  { direct }: { direct?: boolean },
): Target | undefined {
  const plain = urlVariable(env);
  const unpooled = `${plain}_UNPOOLED` as const;
  const name = direct && variables[unpooled] ? unpooled : plain;
  const text = variables[name];
  if (!text) {
    if (env !== "local") return undefined;
    const directory = variables.EMBEDDED_DIR || "data/pglite";
    return { kind: "embedded", directory, local: true, label: `embedded database in ${directory}` };
  }
  try {
    return parseDatabaseUrl(text, authoritiesOf(variables));
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    problems.push(`${name}: ${error.message}`);
    return undefined;
  }
}

/** The authorities that count where a URL names none: of our own variable, else of libpq's. */
function authoritiesOf(variables: Variables): CertificateFile | undefined {
  const name = (["DATABASE_CA", "PGSSLROOTCERT"] as const).find((name) => variables[name]);
  return name && certificateFile(variables[name]!, name);
}

/** What Deno reads when it starts, and so never from a file, with what to do instead. */
const NOT_FROM_A_FILE = {
  DENO_CERT: "name the file in DATABASE_CA",
  DENO_TLS_CA_STORE: "set it in the environment",
};

/** Variables of the environment over those of a .env file, which is read as it stands: nothing in it is expanded.
 *
 * Errors: TaskError (exit 2) when the file is there and cannot be read, or sets what only the environment can.
 */
export function readVariables(envPath = ".env", names: readonly Variable[] = VARIABLES): Variables {
  const fromFile: Record<string, string | undefined> = parseEnv(readEnvFile(envPath));
  for (const [name, remedy] of Object.entries(NOT_FROM_A_FILE)) {
    if (!fromFile[name]) continue;
    throw new TaskError(
      `Cannot use settings "${envPath}": ${name} has no effect there, because Deno reads it when it starts; ${remedy}`,
      EXIT.usage,
    );
  }
  return Object.fromEntries(names.map((name) => [name, Deno.env.get(name) ?? fromFile[name]]));
}

function readEnvFile(envPath: string): string {
  try {
    return Deno.readTextFileSync(envPath);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new TaskError(
      `Cannot read settings "${envPath}": ${(error as Error).name}; make it a readable file`,
      EXIT.usage,
    );
  }
}

/** A path from the command line, relative to where the user stands: deno task runs in the project's directory. */
export function fromCaller<T extends string | undefined>(path: T): T | string {
  return path === undefined ? path : resolve(Deno.env.get("INIT_CWD") || ".", path);
}

/** Settings for one environment, from the environment and .env. */
export function readSettings(env: string, options: { direct?: boolean } = {}): Settings {
  return toSettings(readVariables(), env, options);
}

/** Directory of the lake, for tasks that may read no other variable. */
export function readExportDir(): string {
  return exportDirOf(readVariables(".env", ["EXPORT_DIR"]));
}
