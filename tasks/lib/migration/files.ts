import { join } from "node:path";
import { EXIT, messageOf, TaskError } from "../task/errors.ts";
import { findBrokenRules, formatVersion, isNoTransaction, NO_TRANSACTION } from "./rules.ts";
import { sha256 } from "../task/digest.ts";
import { scanSql, type Statement } from "../sql/scan.ts";

/** Where the migration files are, seen from the project's root. */
export const MIGRATIONS_DIR = "sql/migrations";

/** One migration file, as it runs. */
export interface Migration {
  /** Its number. */
  readonly version: number;
  /** The file's name. */
  readonly name: string;
  /** The file's path, as it is printed. */
  readonly path: string;
  /** Its SQL, without a byte order mark and with LF line ends; what is hashed is what is run. */
  readonly text: string;
  /** The statements of `text`, in order. */
  readonly statements: readonly Statement[];
  /** SHA-256 of `text`, in hexadecimal. */
  readonly checksum: string;
  /** Whether it runs in a transaction. */
  readonly transaction: boolean;
}

const FILE_NAME = /^(\d{4})_[a-z0-9]+(_[a-z0-9]+)*\.sql$/;

/** The migrations of a directory, in the order of their versions.
 *
 * Errors: TaskError (exit 3) listing everything that is wrong in any file; exit 2 when the directory cannot be read.
 */
export async function readMigrations(directory: string = MIGRATIONS_DIR): Promise<readonly Migration[]> {
  const names = await listSqlFiles(directory);
  const findings = findNameProblems(directory, names);
  const migrations: Migration[] = [];
  const contents = await Promise.all(names.map((name) => readBytes(join(directory, name), `${directory}/${name}`)));
  for (const [index, name] of names.entries()) {
    const path = `${directory}/${name}`;
    const decoded = decodeSql(contents[index]);
    if (typeof decoded !== "string") {
      findings.push(`${path}: ${decoded.problem}`);
      continue;
    }
    const scan = scanSql(decoded);
    findings.push(...findBrokenRules(decoded, scan).map((problem) => `${path}:${problem}`));
    migrations.push(toMigration(name, path, decoded, scan.statements));
  }
  if (findings.length > 0) throw filesError(directory, findings);
  return migrations;
}

/** Choices for a new file. */
export interface NewMigrationOptions {
  /** Where the files are. */
  readonly directory?: string;
  /** Whether the file runs in a transaction. */
  readonly transaction?: boolean;
}

/** Path of a new file with the next free number, without any statement yet.
 *
 * The name is put in lower case, with underscores between its words.
 *
 * Errors: TaskError (exit 2) for a name without letters or digits; exit 3 where the numbers of the files are in disorder.
 */
export async function writeNewMigration(words: string, options: NewMigrationOptions = {}): Promise<string> {
  const { directory = MIGRATIONS_DIR, transaction = true } = options;
  const name = words.toLowerCase().replace(/[\s_-]+/g, "_").replace(/^_|_$/g, "");
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new TaskError(
      `Cannot name migration "${words}": it takes letters a to z, digits and underscores; choose such a name`,
      EXIT.usage,
    );
  }
  const names = await listSqlFiles(directory);
  const findings = findNameProblems(directory, names);
  if (findings.length > 0) throw filesError(directory, findings);
  const path = `${directory}/${formatVersion(names.length + 1)}_${name}.sql`;
  await Deno.writeTextFile(path, transaction ? "" : `${NO_TRANSACTION}\n`, { createNew: true });
  return path;
}

function filesError(directory: string, findings: readonly string[]): TaskError {
  const lines = findings.map((finding) => `  ${finding}`);
  return new TaskError([`Cannot use migrations "${directory}": nothing was run;`, ...lines], EXIT.refused);
}

async function listSqlFiles(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      if (/\.sql$/i.test(entry.name) && !entry.name.startsWith(".") && !entry.isDirectory) names.push(entry.name);
    }
  } catch (error) {
    const finding = error instanceof Deno.errors.NotFound ? "there is no such directory" : (error as Error).name;
    throw new TaskError(
      `Cannot read migrations "${directory}": ${finding}; run the task from the project's directory`,
      EXIT.usage,
    );
  }
  return names.sort();
}

/** Everything wrong with a sorted list of file names: each as `path: problem`. */
function findNameProblems(directory: string, names: readonly string[]): string[] {
  const byVersion = new Map<number, string>();
  const problems = names.flatMap((name) => {
    const version = Number(FILE_NAME.exec(name)?.[1]);
    const twin = byVersion.get(version);
    if (Number.isNaN(version)) return `${name}: the name is not like 0001_lower_case.sql; rename it`;
    if (version === 0) return `${name}: numbers begin at 0001; rename it`;
    if (twin) return `${name}: ${twin} has the same number; rename the one that was not applied yet`;
    byVersion.set(version, name);
    return [];
  });
  const last = Math.max(0, ...byVersion.keys());
  for (let version = 1; version < last; version++) {
    if (byVersion.has(version)) continue;
    const gap = `${formatVersion(version)}_*.sql`;
    problems.push(`${gap}: the number is missing; restore the file or renumber those behind`);
  }
  return problems.map((problem) => `${directory}/${problem}`);
}

async function readBytes(path: string, label: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new TaskError(`Cannot read migration "${label}": ${messageOf(error)}; make it a readable file`, EXIT.usage);
  }
}

/** The text of an SQL file, without a byte order mark and with LF line ends, or why it is none. */
function decodeSql(bytes: Uint8Array): string | { readonly problem: string } {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { problem: "it is UTF-16; save it as UTF-8" };
  }
  if (bytes.includes(0)) return { problem: "it holds a NUL byte; save it as UTF-8 text" };
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
  } catch {
    return { problem: "it is not UTF-8; save it as UTF-8" };
  }
}

function toMigration(name: string, path: string, text: string, statements: readonly Statement[]): Migration {
  return {
    version: Number(name.slice(0, 4)),
    name,
    path,
    text,
    statements,
    checksum: sha256(text),
    transaction: !isNoTransaction(text),
  };
}
