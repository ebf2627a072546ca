import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseEnv } from "node:util";
import { EXIT, TaskError } from "./errors.ts";
import {
  type CertificateFile,
  certificateFile,
  type EmbeddedTarget,
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

/** Settings for one environment, from variables alone; those of other environments are not looked at.
 *
 * `direct` prefers the `_UNPOOLED` variant of the URL, as migrations need.
 *
 * Errors: TaskError (exit 2) that says what is wrong with those of this environment, without any value.
 */
export function toSettings(variables: Variables, env: string, options: { direct?: boolean } = {}): Settings {
  const chosen = ENVIRONMENTS.find((name) => name === env);
  if (chosen === undefined) throw settingsError(`--env takes ${ENVIRONMENTS.join(", ")}, not "${env}"`);
  return {
    env: chosen,
    target: targetOf(variables, chosen, options),
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

function settingsError(problem: string): TaskError {
  return new TaskError(["Cannot use the settings:", `  ${problem}`], EXIT.usage);
}

function targetOf(variables: Variables, env: Environment, { direct }: { direct?: boolean }): Target {
  const plain = urlVariable(env);
  const unpooled = `${plain}_UNPOOLED` as const;
  const name = direct && variables[unpooled] ? unpooled : plain;
  const text = variables[name];
  if (!text && env !== "local") {
    throw settingsError(`${name} is not set, and --env ${env} needs it; set it in the environment or .env`);
  }
  try {
    return text
      ? parseDatabaseUrl(text, authoritiesOf(variables))
      : embeddedTarget(variables.EMBEDDED_DIR || "data/pglite");
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw settingsError(`${text ? name : "EMBEDDED_DIR"}: ${error.message}`);
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

/** The embedded database in a directory, which a reset replaces: it is below data, and no link leads to it.
 *
 * Errors: TargetError for any other directory.
 */
function embeddedTarget(given: string): EmbeddedTarget {
  const inner = relative("data", given);
  const parts = inner.split(sep);
  if (inner === "" || parts[0] === ".." || isAbsolute(inner)) {
    throw new TargetError("it is not below data; name a directory there");
  }
  if (parts.some((_, at) => isLink(join("data", ...parts.slice(0, at + 1))))) {
    throw new TargetError("a link is on the way to it; name a real directory below data");
  }
  const directory = join("data", inner);
  return { kind: "embedded", directory, local: true, label: `embedded database in ${directory}` };
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new TargetError(`it cannot be looked at (${(error as Error).name}); make it a readable directory`);
  }
}

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
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(envPath));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    const finding = error instanceof TypeError ? "it is not UTF-8" : (error as Error).name;
    throw new TaskError(`Cannot read settings "${envPath}": ${finding}; make it a readable text file`, EXIT.usage);
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
