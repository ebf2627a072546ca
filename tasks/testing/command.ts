import { fileURLToPath } from "node:url";
import { VARIABLES } from "../lib/settings.ts";

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
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a task by its command in deno.json, permissions included, without the settings of this machine.
 *
 * Its standard input is empty. It is ended after two minutes.
 */
export async function runCommand(
  name: string,
  args: readonly string[],
  { env = {}, denoFlags = [] }: CommandOptions = {},
): Promise<CommandResult> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [program, verb, ...rest] = (tasks[name].command as string).split(" ");
  if (`${program} ${verb}` !== "deno run") throw new Error(`The command of task ${name} is not deno run`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [verb, ...denoFlags, ...rest, ...args],
    cwd: ROOT,
    env: { ...Object.fromEntries(VARIABLES.map((variable) => [variable, ""])), NO_COLOR: "1", INIT_CWD: "", ...env },
    stdin: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
