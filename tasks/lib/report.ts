import { styleText } from "node:util";

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
    warn: (text) => line(style("yellow", `Warning: ${text}`)),
    error: (text) => line(style("red", text)),
    progress(text) {
      if (!live) return;
      write(Deno.stderr, `\r\x1b[K${text}`);
      shown = true;
    },
  };
}

function style(colour: "yellow" | "red", text: string): string {
  return Deno.stderr.isTerminal() ? styleText(colour, text) : text;
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

/** Asks a yes/no question on the terminal; false where there is none. */
export function confirmOnTerminal(question: string): boolean {
  return Deno.stdin.isTerminal() && confirm(question);
}
