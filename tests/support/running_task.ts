import { commandOf, type CommandResult, ROOT, UNSET } from "./command.ts";

/** A task at work, whose errors and notes can be waited for. */
export interface RunningTask {
  /** Resolves as soon as its errors and notes have a text. */
  told(text: string): Promise<void>;
  /** Sends Ctrl-C. */
  interrupt(): void;
  /** Its end, at most two minutes later. */
  readonly result: Promise<CommandResult & { readonly seconds: number }>;
}

/** Starts a task by its command in deno.json, as `runCommand` does. */
export function startTask(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningTask {
  const { flags, script } = commandOf(name);
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, script, ...args],
    cwd: ROOT,
    env: { ...UNSET, NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  let stderr = "";
  const awaited: { readonly text: string; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    [];
  const read = async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += text;
      for (const { text, resolve } of awaited) if (stderr.includes(text)) resolve();
    }
    for (const { text, reject } of awaited) reject(new Error(`The task never told "${text}": ${stderr}`));
  };
  const finish = async () => {
    const [stdout, { code }] = await Promise.all([new Response(child.stdout).text(), child.status, read()]);
    clearTimeout(timer);
    return { code, stdout, stderr, seconds: (performance.now() - started) / 1000 };
  };
  return {
    told(text) {
      if (stderr.includes(text)) return Promise.resolve();
      return new Promise((resolve, reject) => awaited.push({ text, resolve, reject }));
    },
    interrupt: () => child.kill("SIGINT"),
    result: finish(),
  };
}
