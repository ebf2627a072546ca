import { type Args, formatHelp, parseTaskArgs, type TaskSpec } from "./args.ts";
import { EXIT, type ExitCode, TaskError } from "./errors.ts";
import { isLostConnectionNoise } from "./lost_connection.ts";
import { type Lines, openReport, type Report } from "./console.ts";
import { wrapLines } from "./wrap.ts";

/** What a task's body gets. */
export interface TaskContext {
  /** The checked command line. */
  readonly args: Args;
  /** Where everything is printed. */
  readonly report: Report;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Runs a task's body and tells the exit code it ends with.
 *
 * A TaskError is printed as one message. Ctrl-C and SIGTERM abort `signal` and end with 130, with the message of a
 * TaskError of that exit code where the body throws one; a second one ends at once.
 * Anything else that is thrown is a bug and keeps its stack trace.
 */
export async function runTask(
  spec: TaskSpec,
  body: (context: TaskContext) => Promise<ExitCode | void>,
  argv: readonly string[] = Deno.args,
): Promise<ExitCode> {
  const report = openReport({
    quiet: argv.includes("--quiet"),
    json: spec.flags.json !== undefined && argv.includes("--json"),
  });
  const interrupt = new AbortController();
  using _signals = onSignals(interrupt);
  using _strays = onStrayErrors(report);
  try {
    const args = parseTaskArgs(spec, argv);
    if (args.has("help")) {
      report.result(wrapLines(formatHelp(spec), report.columns));
      return EXIT.done;
    }
    return (await body({ args, report, signal: interrupt.signal })) ?? EXIT.done;
  } catch (error) {
    if (interrupt.signal.aborted) {
      const isTold = error instanceof TaskError && error.exitCode === EXIT.interrupted;
      const lines = isTold ? error.lines : `Interrupted ${spec.name}; nothing half done is visible`;
      tellError(report, lines, EXIT.interrupted);
      // A thread whose engine is at work does not end before it, and would hold the process.
      Deno.exit(EXIT.interrupted);
    }
    if (!(error instanceof TaskError)) {
      tellError(report, traceOf(error), EXIT.failed);
      return EXIT.failed;
    }
    tellError(report, error.lines, error.exitCode);
    return error.exitCode;
  }
}

/** Prints what ends the task; where stderr takes nothing, the exit code tells it alone. */
function tellError(report: Report, lines: Lines, exitCode: ExitCode): void {
  try {
    report.error(lines, exitCode);
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
  }
}

function onSignals(interrupt: AbortController): Disposable {
  const listener = () => {
    if (interrupt.signal.aborted) Deno.exit(EXIT.interrupted);
    interrupt.abort();
  };
  const names = Deno.build.os === "windows" ? (["SIGINT"] as const) : (["SIGINT", "SIGTERM"] as const);
  for (const name of names) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const name of names) Deno.removeSignalListener(name, listener);
    },
  };
}

/** Ends the process on an error that no promise of the task holds, with its stack; what postgres.js throws when a
 * connection is lost is none. */
function onStrayErrors(report: Report): Disposable {
  const end = (error: unknown) => {
    tellError(report, traceOf(error), EXIT.failed);
    Deno.exit(EXIT.failed);
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    if (!isLostConnectionNoise(event.error)) end(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    end(event.reason);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}

/** Lines of a bug's stack trace. */
function traceOf(error: unknown): string[] {
  return (error instanceof Error ? error.stack ?? error.message : String(error)).split("\n");
}
