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

/** Directory of deno.json. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a task by its command in deno.json, permissions included, without the settings of this machine.
 *
 * Its standard input is empty. It is ended after 60 seconds.
 */
export async function runCommand(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [program, ...given] = (tasks[name].command as string).split(" ");
  if (program !== "deno") throw new Error(`The command of task ${name} does not start with deno`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...given, ...args],
    cwd: ROOT,
    env: { ...Object.fromEntries(VARIABLES.map((variable) => [variable, ""])), NO_COLOR: "1", ...env },
    stdin: "null",
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
