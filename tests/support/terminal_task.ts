import { EXIT, TaskError } from "../../tasks/lib/task/errors.ts";
import { runTask, type TaskContext } from "../../tasks/lib/task/run.ts";

/** What a terminal would obey, in each of its forms: sequences by ESC and by C1, a turn of direction, a new line. */
const HOSTILE = "a\x1b[31m\u009b2J\u202eb\n\rc\x7f";

/** A task that does all that a task can do on a terminal: run with the permissions of each real one, by its tests. */
async function talk({ args, report, signal }: TaskContext): Promise<void> {
  const text = HOSTILE;
  if (args.has("hostile")) {
    report.note([text, text]);
    report.warn(text);
    report.progress(text);
    report.result([text, text]);
    report.json({ [text]: text });
    await report.ask(text, signal);
    throw new TaskError([text, `  ${text}`]);
  }
  if (args.has("bug")) throw new Error(text);
  if (args.has("stray")) {
    Promise.reject(new Error(text));
    await new Promise((resolve) => setTimeout(resolve, 50_000));
  }
  report.note("a note");
  report.warn("a warning");
  report.progress("1 of 2 rows");
  report.progress("2 of 2 rows");
  if (args.has("deaf")) {
    signal.addEventListener("abort", () => report.note("never mind"));
    await new Promise((resolve) => setTimeout(resolve, 50_000));
  }
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
  flags: {
    wait: { type: "boolean", help: "wait for a signal" },
    deaf: { type: "boolean", help: "wait, whatever comes" },
    hostile: { type: "boolean", help: "say everything with what a terminal would obey" },
    bug: { type: "boolean", help: "throw such an error" },
    stray: { type: "boolean", help: "throw it where nobody catches it" },
  },
} as const;

if (import.meta.main) Deno.exitCode = await runTask(spec, talk);
