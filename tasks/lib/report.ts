/** How much a task says, and in which form. */
export interface ReportOptions {
  /** Whether results, warnings and errors alone are printed. */
  readonly quiet?: boolean;
}

/** The only place that prints. Results go to stdout, everything else to stderr. */
export interface Report {
  /** The task's result: a table, a summary, JSON. */
  result(text: string): void;
  /** Something worth knowing while it runs; left out with --quiet. */
  note(text: string): void;
  /** Something to look at; always shown. */
  warn(text: string): void;
  /** The one line that ends a failed task. */
  error(text: string): void;
  /** A line that replaces itself on a terminal; nothing in a pipe or with --quiet. */
  progress(text: string): void;
  /** Asks a yes/no question on the terminal; undefined where there is none.
   *
   * Errors: the signal's reason, when it is aborted before there is an answer.
   */
  ask(question: string, signal: AbortSignal): Promise<boolean | undefined>;
}

/** A report on this process's stdout and stderr. */
export function openReport({ quiet = false }: ReportOptions = {}): Report {
  const live = !quiet && Deno.stderr.isTerminal();
  let shown = false;
  const clear = () => {
    if (shown) write(Deno.stderr, "\r\x1b[K");
    shown = false;
  };
  const line = (text: string) => {
    clear();
    write(Deno.stderr, `${text}\n`);
  };
  return {
    result(text) {
      clear();
      write(Deno.stdout, text.endsWith("\n") ? text : `${text}\n`);
    },
    note: (text) => quiet || line(text),
    warn: (text) => line(inColour(YELLOW, `Warning: ${text}`)),
    error: (text) => line(inColour(RED, text)),
    progress(text) {
      if (!live) return;
      write(Deno.stderr, `\r\x1b[K${text}`);
      shown = true;
    },
    async ask(question, signal) {
      if (!Deno.stdin.isTerminal()) return undefined;
      clear();
      write(Deno.stderr, `${question} [y/N] `);
      return /^y(es)?$/i.test((await readLine(signal)).trim());
    },
  };
}

const RED = 31;
const YELLOW = 33;

/** The text in a colour, by its ANSI number, where stderr is a terminal and NO_COLOR is unset: both can be asked without
 * a permission. */
function inColour(colour: number, text: string): string {
  return Deno.stderr.isTerminal() && !Deno.noColor ? `\x1b[${colour}m${text}\x1b[39m` : text;
}

/** Writes all of the text; a reader that has gone away (`| head`) ends the output, not the task. */
function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** One line of stdin, which is a terminal; empty at its end.
 *
 * `confirm()` would keep the thread until there is an answer, so that Ctrl-C did nothing.
 */
async function readLine(signal: AbortSignal): Promise<string> {
  const interrupted = Promise.withResolvers<never>();
  const interrupt = () => {
    // The pending read would keep the process alive.
    Deno.stdin.close();
    write(Deno.stderr, "\n");
    interrupted.reject(signal.reason);
  };
  signal.throwIfAborted();
  signal.addEventListener("abort", interrupt);
  try {
    const bytes = new Uint8Array(1024);
    const length = await Promise.race([Deno.stdin.read(bytes), interrupted.promise]);
    return new TextDecoder().decode(bytes.subarray(0, length ?? 0));
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}
