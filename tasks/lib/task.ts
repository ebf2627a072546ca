import { type Args, formatHelp, parseTaskArgs, type TaskSpec } from "./args.ts";
import { EXIT, type ExitCode, TaskError } from "./errors.ts";
import { isLostConnectionNoise } from "./lost_connection.ts";
import { openReport, type Report } from "./report.ts";

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
 * A TaskError is printed as one message. Ctrl-C and SIGTERM abort `signal` and end with 130; a second one ends at once.
 * Anything else that is thrown is a bug and keeps its stack trace.
 */
export async function runTask(
  spec: TaskSpec,
  body: (context: TaskContext) => Promise<ExitCode | void>,
  argv: readonly string[] = Deno.args,
): Promise<ExitCode> {
  const report = openReport({ quiet: argv.includes("--quiet") });
  const interrupt = new AbortController();
  using _signals = onSignals(interrupt);
  using _lost = ignoreLostConnections();
  try {
    const args = parseTaskArgs(spec, argv);
    if (args.has("help")) {
      report.result(formatHelp(spec));
      return EXIT.done;
    }
    return (await body({ args, report, signal: interrupt.signal })) ?? EXIT.done;
  } catch (error) {
    if (interrupt.signal.aborted) {
      report.error(`Interrupted ${spec.name}; nothing half done is visible`);
      // A thread that is inside of SQLite ends with the process alone, which would wait for it.
      Deno.exit(EXIT.interrupted);
    }
    if (!(error instanceof TaskError)) {
      report.error(error instanceof Error ? error.stack ?? error.message : String(error));
      return EXIT.failed;
    }
    report.error(error.message);
    return error.exitCode;
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

/** Keeps the process alive through what postgres.js throws when a connection is lost; anything else ends it, with its stack. */
function ignoreLostConnections(): Disposable {
  const onError = (event: ErrorEvent) => isLostConnectionNoise(event.error) && event.preventDefault();
  globalThis.addEventListener("error", onError);
  return { [Symbol.dispose]: () => globalThis.removeEventListener("error", onError) };
}
