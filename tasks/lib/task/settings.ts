import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseEnv } from "node:util";
import { EXIT, TaskError } from "./errors.ts";
import {
  formatStoreUrl,
  parseEndpoint,
  parseStoreUrl,
  type StoreCredentials,
  type StoreTarget,
} from "./store_target.ts";
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
import { type WriterKind, WRITERS } from "./writers.ts";

/** Variables that tasks with a database, a harness file or local lanes read. */
const LOCAL_VARIABLES = [
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
  "EXPORT_WRITER",
] as const;

/** Variables that tasks with object storage read, and no other task. */
const STORE_VARIABLES = [
  "EXPORT_URL",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_REGION",
  "S3_ENDPOINT",
] as const;

/** Variables that the tasks read; deno.json's permission sets and .env.example list the same. */
export const VARIABLES = [...LOCAL_VARIABLES, ...STORE_VARIABLES] as const;

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
  /** What writes an export's files; DuckDB where the task did not ask. */
  readonly writer: WriterKind;
  /** Where in object storage the lake is, where the task asked for it. */
  readonly store?: StoreTarget;
}

/** What tells where in object storage a lake is. */
export interface StoreChoice {
  /** What --to names; left out for EXPORT_URL. */
  readonly url?: string;
  /** Whether the task does without one where neither names any. */
  readonly isOptional?: boolean;
}

/** What a task needs of the settings. */
export interface SettingsOptions {
  /** Prefers the `_UNPOOLED` variant of the database's URL, as migrations need. */
  readonly direct?: boolean;
  /** What --writer names, in place of EXPORT_WRITER; left out: neither is looked at. */
  readonly writer?: { readonly name: string | undefined };
  /** Left out: the settings of object storage are not looked at. */
  readonly store?: StoreChoice;
}

/** Settings for one environment, from variables alone; those of other environments are not looked at.
 *
 * Errors: TaskError (exit 2) that lists what is wrong with those that the task needs, without any value.
 */
export function toSettings(variables: Variables, env: string, options: SettingsOptions = {}): Settings {
  const problems: string[] = [];
  const chosen = environmentOf(env, problems);
  const target = chosen && targetOf(variables, chosen, problems, options);
  const { store: choice } = options;
  const isNamed = choice?.url !== undefined || Boolean(variables.EXPORT_URL);
  const store = choice && (isNamed || !choice.isOptional) ? storeOf(variables, choice, problems) : undefined;
  const writer = options.writer ? writerOf(variables, options.writer, problems) : "duckdb";
  if (!chosen || !target || !writer || problems.length > 0) throw unusable(problems);
  return {
    env: chosen,
    target,
    harnessPath: variables.HERETIX_DB_PATH || "runs/heretix.sqlite",
    harnessNamed: Boolean(variables.HERETIX_DB_PATH),
    exportDir: exportDirOf(variables),
    writer,
    ...(store ? { store } : {}),
  };
}

/** What a task needs to know that works on a lake in object storage, and on no database. */
export interface StoreSettings extends Pick<Settings, "env" | "exportDir"> {
  /** Where the lake is. */
  readonly store: StoreTarget;
}

/** Settings of a lake in object storage, from variables alone.
 *
 * Errors: as `toSettings`.
 */
export function toStoreSettings(variables: Variables, env: string, choice: StoreChoice = {}): StoreSettings {
  const problems: string[] = [];
  const chosen = environmentOf(env, problems);
  const store = storeOf(variables, choice, problems);
  if (chosen === undefined || store === undefined) throw unusable(problems);
  return { env: chosen, exportDir: exportDirOf(variables), store };
}

function environmentOf(env: string, problems: string[]): Environment | undefined {
  const chosen = ENVIRONMENTS.find((name) => name === env);
  if (chosen === undefined) problems.push(`--env takes ${ENVIRONMENTS.join(", ")}, not "${env}"`);
  return chosen;
}

function unusable(problems: readonly string[]): TaskError {
  return new TaskError(["Cannot use the settings:", ...problems.map((line) => `  ${line}`)], EXIT.usage);
}

function exportDirOf({ EXPORT_DIR }: Variables): string {
  return EXPORT_DIR || "data/exports";
}

function urlVariable(env: Environment): "DATABASE_URL" | "DATABASE_URL_STAGING" | "DATABASE_URL_PROD" {
  return env === "local" ? "DATABASE_URL" : env === "staging" ? "DATABASE_URL_STAGING" : "DATABASE_URL_PROD";
}

/** Target of one environment; undefined, with the problem added, where what names it is bad or missing. */
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
  if (!text && env !== "local") {
    problems.push(`${name} is not set, and --env ${env} needs it; set it in the environment or .env`);
    return undefined;
  }
  try {
    return text
      ? parseDatabaseUrl(text, authoritiesOf(variables))
      : embeddedTarget(variables.EMBEDDED_DIR || "data/pglite");
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    problems.push(`${text ? name : "EMBEDDED_DIR"}: ${error.message}`);
    return undefined;
  }
}

/** The writer that is asked for; undefined, with the problem added, where there is no such writer. */
function writerOf(
  { EXPORT_WRITER }: Variables,
  { name }: NonNullable<SettingsOptions["writer"]>,
  problems: string[],
): WriterKind | undefined {
  const wanted = name ?? (EXPORT_WRITER || "duckdb");
  const writer = WRITERS.find((writer) => writer === wanted);
  const from = name === undefined ? "EXPORT_WRITER" : "--writer";
  if (writer === undefined) problems.push(`${from} takes ${WRITERS.join(" or ")}, not "${wanted}"`);
  return writer;
}

/** The place that variables name; undefined, with the problems added, where any is bad or missing. */
function storeOf(variables: Variables, { url }: StoreChoice, problems: string[]): StoreTarget | undefined {
  const before = problems.length;
  const attempt = <T>(name: string, text: string | undefined, parse: (text: string) => T): T | undefined => {
    try {
      return text ? parse(text) : undefined;
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      problems.push(`${name}: ${error.message}`);
    }
  };
  const [name, text] = url === undefined ? ["EXPORT_URL", variables.EXPORT_URL] : ["--to", url];
  const place = attempt(name, text, parseStoreUrl);
  if (!text) problems.push(`${name} is not set; it takes s3://BUCKET/PREFIX`);
  const endpoint = attempt("S3_ENDPOINT", variables.S3_ENDPOINT, parseEndpoint);
  const region = variables.AWS_REGION || (variables.S3_ENDPOINT ? "auto" : "");
  if (region === "") problems.push("AWS_REGION is not set, and AWS needs it; for another store set S3_ENDPOINT");
  else if (!/^[a-z0-9-]+$/.test(region)) problems.push("AWS_REGION: it is no name of a region");
  const credentials = credentialsOf(variables, problems);
  if (place === undefined || problems.length > before) return undefined;
  return { ...place, ...(endpoint ? { endpoint } : {}), region, credentials, label: formatStoreUrl(place, endpoint) };
}

function credentialsOf(variables: Variables, problems: string[]): StoreCredentials {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const) {
    if (!variables[name]) problems.push(`${name} is not set; set it in the environment or .env`);
  }
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const) {
    // A header with anything else would be refused in words that have it whole.
    if (/[^\x21-\x7e]/.test(variables[name] ?? "")) {
      problems.push(`${name}: it has a space, line end or other character that no key has; copy it again`);
    }
  }
  return {
    accessKeyId: variables.AWS_ACCESS_KEY_ID ?? "",
    secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? "",
    ...(variables.AWS_SESSION_TOKEN ? { sessionToken: variables.AWS_SESSION_TOKEN } : {}),
  };
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
export function readSettings(env: string, options: SettingsOptions = {}): Settings {
  return toSettings(readVariables(".env", options.store ? VARIABLES : LOCAL_VARIABLES), env, options);
}

/** Settings of a lake in object storage, from the environment and .env. */
export function readStoreSettings(env: string, choice: StoreChoice = {}): StoreSettings {
  return toStoreSettings(readVariables(".env", [...STORE_VARIABLES, "EXPORT_DIR"]), env, choice);
}

/** Directory of the lake, for tasks that may read no other variable. */
export function readExportDir(): string {
  return exportDirOf(readVariables(".env", ["EXPORT_DIR"]));
}
