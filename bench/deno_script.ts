import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("./", import.meta.url));

/** Arguments of deno that run a script of this folder with the folder's packages. */
export function denoScript(path: string, ...args: readonly string[]): string[] {
  return ["run", "-q", "-A", "--config", `${BENCH}deno.json`, `${BENCH}${path}`, ...args];
}

/** Arguments of deno that run a script of this folder with the packages of the tasks. */
export function denoScriptOfTasks(path: string, ...args: readonly string[]): string[] {
  return ["run", "-q", "-A", "--config", `${BENCH}../deno.json`, `${BENCH}${path}`, ...args];
}
