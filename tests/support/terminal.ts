import { ROOT, UNSET } from "./command.ts";

/** What a person would have seen. */
export interface TerminalResult {
  /** The command's exit code; 130 where Ctrl-C has killed it. */
  readonly code: number;
  /** All that the terminal got: output, errors and what was typed; ESC reads as ␛. */
  readonly screen: string;
}

/** Options of `runInTerminal`. */
export interface TerminalOptions {
  /** Variables; the tasks' other settings are unset. */
  readonly env?: Readonly<Record<string, string>>;
  /** Width of the terminal; without it, it does not know. */
  readonly columns?: number;
  /** What is typed, one after another, each as soon as the screen shows its text below what was there before. */
  readonly typed?: readonly (readonly [shown: string, keys: string])[];
  /** Called with the command's process id, as soon as the screen shows a text. */
  readonly onShown?: readonly [shown: string, act: (pid: number) => void];
}

/** The key Ctrl-C. */
export const CTRL_C = "\x03";

/** Whether this machine can run a command in a pseudo terminal: `script` of util-linux is on every Debian. */
export const hasTerminal: boolean = await canRunScript();

async function canRunScript(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("script", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

/** Runs deno in a pseudo terminal of its own, from the project's root, as a person would; ended after a minute.
 *
 * Its terminal has no TERM.
 */
export async function runInTerminal(
  args: readonly string[],
  { env = {}, columns, typed = [], onShown }: TerminalOptions = {},
): Promise<TerminalResult> {
  // The shell's process becomes deno's.
  const size = columns === undefined ? "" : `stty cols ${columns} rows 30; `;
  const command = `${size}echo "pid $$."; exec ${[Deno.execPath(), ...args].map(quote).join(" ")}`;
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", command, "/dev/null"],
    cwd: ROOT,
    env: { ...UNSET, SHELL: "/bin/sh", TERM: "", NO_COLOR: "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => child.kill(), 60_000);
  const keyboard = child.stdin.getWriter();
  const steps = typed.map(([shown, keys]) => ({ shown, act: () => keyboard.write(new TextEncoder().encode(keys)) }));
  if (onShown) {
    steps.push({
      shown: onShown[0],
      act: async () => await onShown[1](Number(/pid (\d+)\./.exec(screen)![1])),
    });
  }
  let screen = "";
  let seen = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    screen += text;
    for (let at; steps.length > 0 && (at = screen.indexOf(steps[0].shown, seen)) >= 0;) {
      const { shown, act } = steps.shift()!;
      seen = at + shown.length;
      await act();
    }
  }
  const { code } = await child.status;
  clearTimeout(timer);
  // `script` reads nothing more once the command has ended.
  await keyboard.close().catch(() => {});
  if (steps.length > 0) throw new Error(`The terminal never showed "${steps[0].shown}": ${screen}`);
  return { code, screen: screen.replace(/^pid \d+\.\r\n/, "").replaceAll("\x1b", "␛") };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
