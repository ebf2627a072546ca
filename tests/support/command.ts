import { fileURLToPath } from "node:url";
import { VARIABLES } from "../../tasks/lib/task/settings.ts";

/** How a task's command ended. */
export interface CommandResult {
  /** Its exit code. */
  readonly code: number;
  /** All of its output. */
  readonly stdout: string;
  /** All of its errors and notes. */
  readonly stderr: string;
}

/** Options of `runCommand`. */
export interface CommandOptions {
  /** Settings; every other one is unset. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for deno itself, before the script. */
  readonly denoFlags?: readonly string[];
}

/** Directory of deno.json. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Every setting, empty, and where the user stands: that hides what this machine's environment and .env say. */
export const UNSET: Readonly<Record<string, string>> = Object.fromEntries(
  [...VARIABLES, "INIT_CWD"].map((name) => [name, ""]),
);

/** A task's command in deno.json: `deno run <flags> <script>`. */
export interface TaskCommand {
  /** Flags of deno, its permissions among them. */
  readonly flags: readonly string[];
  /** The script, from the project's root. */
  readonly script: string;
}

/** The command of a task that is a script of this project. */
export function commandOf(name: string): TaskCommand {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  const words = (tasks[name].command as string).split(" ");
  const script = words.pop()!;
  if (words.splice(0, 2).join(" ") !== "deno run") throw new Error(`The command of task ${name} is not deno run`);
  return { flags: words, script };
}

/** Runs a task by its command in deno.json, permissions included, without the settings of this machine.
 *
 * Its standard input is empty. It is ended after two minutes.
 */
export async function runCommand(
  name: string,
  args: readonly string[],
  { env = {}, denoFlags = [] }: CommandOptions = {},
): Promise<CommandResult> {
  const { flags, script } = commandOf(name);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...denoFlags, ...flags, script, ...args],
    cwd: ROOT,
    env: { ...UNSET, NO_COLOR: "1", ...env },
    stdin: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
