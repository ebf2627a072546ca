import { EXIT, type ExitCode, messageOf, TaskError } from "./errors.ts";
import { printable } from "./printable.ts";

/** One line, or several: what a terminal would obey, line ends included, is written out in each. */
export type Lines = string | readonly string[];

/** The only place that prints. Results go to stdout, everything else to stderr.
 *
 * Names, messages and values come from servers and files: all of them go through `printable` here, and only here.
 */
export interface Report {
  /** Width of the terminal that results go to; undefined where they go elsewhere. */
  readonly columns: number | undefined;
  /** The task's result: a summary, a list. */
  result(lines: Lines): void;
  /** As `result`, of lines whose values are printable already: the left-to-right marks between them stay, that keep a
   * value which runs from right to left in its place. */
  table(lines: readonly string[]): void;
  /** A result for programs, as JSON. */
  json(value: unknown): void;
  /** A result for programs, as it is: the only text that is not cleaned. */
  data(text: string): void;
  /** Something worth knowing while it runs; left out with --quiet. */
  note(lines: Lines): void;
  /** Something to look at; always shown. */
  warn(line: string): void;
  /** What ends a failed task; programs find it on stdout as JSON, where no result stands before it. */
  error(lines: Lines, exitCode: ExitCode): void;
  /** A line that replaces itself on a terminal; nothing in a pipe or with --quiet. */
  progress(line: string): void;
  /** Asks a yes/no question on the terminal; undefined where there is none.
   *
   * Errors: the signal's reason, when it is aborted before there is an answer.
   */
  ask(question: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** As `ask`, for what is to be typed in answer. */
  askText(question: string, signal: AbortSignal): Promise<string | undefined>;
}

/** A report on this process's stdout and stderr: with `quiet` results, warnings and errors alone; with `json` a failure is
 * told on stdout as JSON, too. */
export function openReport({ quiet, json }: { readonly quiet?: boolean; readonly json?: boolean } = {}): Report {
  const live = !quiet && Deno.stderr.isTerminal();
  let shown = false;
  let hasResult = false;
  const clear = () => {
    if (shown) write(Deno.stderr, "\r\x1b[K");
    shown = false;
  };
  const print = (stream: Stream, text: string) => {
    clear();
    hasResult ||= stream === Deno.stdout;
    write(stream, text);
  };
  const result = (lines: Lines) => print(Deno.stdout, `${clean(lines)}\n`);
  const askText = async (question: string, signal: AbortSignal) => {
    if (!Deno.stdin.isTerminal()) return undefined;
    print(Deno.stderr, `${clean(question)} `);
    return (await readLine(signal)).trim();
  };
  const asJson = (value: unknown) => result(JSON.stringify(value, null, 2).split("\n"));
  return {
    columns: columnsOfTerminal(),
    result,
    table: (lines) => print(Deno.stdout, `${lines.map(cleanAroundMarks).join("\n")}\n`),
    json: asJson,
    data: (text) => print(Deno.stdout, text),
    note: (lines) => quiet || print(Deno.stderr, `${clean(lines)}\n`),
    warn: (line) => print(Deno.stderr, `${inColour(YELLOW, clean(`Warning: ${line}`))}\n`),
    error(lines, exitCode) {
      print(Deno.stderr, `${inColour(RED, clean(lines))}\n`);
      if (json && !hasResult) asJson({ error: { lines: [lines].flat(), exitCode } });
    },
    progress(line) {
      if (!live) return;
      write(Deno.stderr, `\r\x1b[K${clean(line)}`);
      shown = true;
    },
    async ask(question, signal) {
      const answer = await askText(`${question} [y/N]`, signal);
      return answer === undefined ? undefined : /^y(es)?$/i.test(answer);
    },
    askText,
  };
}

function clean(lines: Lines): string {
  return [lines].flat().map(printable).join("\n");
}

function cleanAroundMarks(line: string): string {
  return line.split("\u200e").map(printable).join("\u200e");
}

/** A terminal that does not know its width is taken for the usual one. */
function columnsOfTerminal(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  return Math.max(MIN_COLUMNS, Deno.consoleSize().columns || 80);
}

/** Nothing fits a narrower terminal. */
const MIN_COLUMNS = 20;

const RED = 31;
const YELLOW = 33;

/** The text in a colour, by its ANSI number, where stderr is a terminal and NO_COLOR is unset: both can be asked without
 * a permission. */
function inColour(colour: number, text: string): string {
  return Deno.stderr.isTerminal() && !Deno.noColor ? `\x1b[${colour}m${text}\x1b[39m` : text;
}

type Stream = typeof Deno.stdout | typeof Deno.stderr;

/** Writes all of the text; a reader that has gone away (`| head`) ends the output, not the task.
 *
 * Errors: TaskError (exit 1) when it cannot be written, as to a full device.
 */
function write(stream: Stream, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return;
    const name = stream === Deno.stdout ? "stdout" : "stderr";
    throw new TaskError(
      `Cannot write output "${name}": ${messageOf(error)}; make room where it goes, or send it elsewhere`,
      EXIT.failed,
      { cause: error },
    );
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
