import { EXIT, TaskError } from "./errors.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Runs a task of deno.json by its own command and permissions, in a process of its own that shares our output; `env` are
 * variables over our own.
 *
 * Errors: TaskError (exit 1) naming the task when it does not end with 0.
 */
export async function runChildTask(
  name: string,
  args: readonly string[],
  { env, signal }: { readonly env: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const [, ...command] = (tasks[name].command as string).split(" ");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command, ...args],
    cwd: ROOT,
    env,
    stdin: "null",
    signal,
  }).spawn();
  const { code } = await child.status;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new TaskError(`Cannot go on after task "${name}": it ended with ${code}; see its message above`, EXIT.failed);
  }
}
