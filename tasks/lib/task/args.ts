import { parseArgs } from "node:util";
import { EXIT, TaskError } from "./errors.ts";
import { nearestOf } from "./nearest.ts";

/** One flag: what parseArgs needs, and its line in `--help`. */
export interface Flag {
  /** Whether it takes a value. */
  readonly type: "string" | "boolean";
  /** Its line in `--help`. */
  readonly help: string;
  /** One letter. */
  readonly short?: string;
  /** Whether it may be given more than once. */
  readonly multiple?: boolean;
  /** Name of the value in `--help`, for string flags. */
  readonly value?: string;
}

/** What a task accepts on its command line. */
export interface TaskSpec {
  /** As in deno.json, for example "db:reset". */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Placeholder of the positional arguments, for example "[NAME...]"; none accepted when absent. */
  readonly positionals?: string;
  /** By long name. */
  readonly flags: Readonly<Record<string, Flag>>;
}

/** Parsed arguments; absent flags are undefined. */
export interface Args {
  /** Arguments that are not flags. */
  readonly positionals: readonly string[];
  /** Value of a string flag. */
  text(name: string): string | undefined;
  /** Values of a repeatable string flag. */
  texts(name: string): readonly string[];
  /** Whether a boolean flag is set. */
  has(name: string): boolean;
  /** Value of a flag that takes a whole number of at least `min`. */
  count(name: string, min: number): number | undefined;
  /** As `count`, of a flag that takes seconds: in milliseconds. */
  milliseconds(name: string, min: number): number | undefined;
}

/** A usage error (exit 2) of a task. */
export function usageError({ name }: Pick<TaskSpec, "name">, finding: string): TaskError {
  return new TaskError(`Cannot run task "${name}": ${finding}; see deno task ${name} --help`, EXIT.usage);
}

/** Arguments of a task, checked against its spec.
 *
 * Errors: TaskError (exit 2) on an unknown flag, a missing value or an unexpected argument.
 */
export function parseTaskArgs(spec: TaskSpec, argv: readonly string[]): Args {
  const options = { ...spec.flags, help: HELP };
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: spec.positionals !== undefined });
  } catch (error) {
    throw refusalOf(error as Error, spec);
  }
  const values = parsed.values as Record<string, string | boolean | string[] | undefined>;
  const text = (name: string) => values[name] as string | undefined;
  const count = (name: string, min: number) => {
    const given = text(name);
    if (given === undefined) return undefined;
    if (!/^\d{1,9}$/.test(given) || Number(given) < min) {
      throw usageError(spec, `--${name} takes a whole number of at least ${min}, not "${given}"`);
    }
    return Number(given);
  };
  return {
    positionals: parsed.positionals,
    text,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    has: (name) => values[name] === true,
    count,
    milliseconds(name, min) {
      const seconds = count(name, min);
      return seconds === undefined ? undefined : 1000 * seconds;
    },
  };
}

/** What parseArgs says, with the flag that was meant where it does not know one. */
function refusalOf({ message }: Error, spec: TaskSpec): TaskError {
  const finding = message.split(/\. To specify|\n/)[0].replace(/[.]$/, "");
  const [, unknown] = /^Unknown option '--([^']*)'/.exec(finding) ?? [];
  const near = unknown && nearestOf(unknown, [...Object.keys(spec.flags), "help"]);
  if (!near) return usageError(spec, finding);
  const advice = `did you mean --${near}? See deno task ${spec.name} --help`;
  return new TaskError(`Cannot run task "${spec.name}": ${finding}; ${advice}`, EXIT.usage);
}

const HELP: Flag = { type: "boolean", short: "h", help: "show this text" };

/** The `--help` text of a task, by lines. */
export function formatHelp(spec: TaskSpec): string[] {
  const rows = Object.entries({ ...spec.flags, help: HELP }).map(([name, flag]) => {
    const value = flag.type === "string" ? ` ${flag.value ?? "VALUE"}` : "";
    return [`  --${name}${value}`, flag.help + (flag.multiple ? " (repeatable)" : "")];
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const usage = `deno task ${spec.name}${spec.positionals ? ` ${spec.positionals}` : ""} [flags]`;
  return [spec.summary, "", `Usage: ${usage}`, "", ...rows.map(([left, right]) => left.padEnd(width) + right)];
}
