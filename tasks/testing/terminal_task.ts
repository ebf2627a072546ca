import { EXIT, TaskError } from "../lib/errors.ts";
import { runTask, type TaskContext } from "../lib/task.ts";

/** A task that does all that a task can do on a terminal: run with the permissions of each real one, by its tests. */
async function talk({ args, report, signal }: TaskContext): Promise<void> {
  report.note("a note");
  report.warn("a warning");
  report.progress("1 of 2 rows");
  report.progress("2 of 2 rows");
  if (args.has("wait")) {
    const { promise, reject } = Promise.withResolvers<never>();
    // An event that can come keeps the process alive.
    const timer = setTimeout(() => reject(new Error("Nobody ended the wait")), 50_000);
    signal.addEventListener("abort", () => reject(signal.reason));
    return await promise.finally(() => clearTimeout(timer));
  }
  report.result(`answer ${await report.ask("a question?", signal)}`);
  throw new TaskError("an error", EXIT.refused);
}

const spec = {
  name: "talk",
  summary: "Says everything.",
  flags: { wait: { type: "boolean", help: "wait for a signal" } },
} as const;

if (import.meta.main) Deno.exitCode = await runTask(spec, talk);
