import { TaskError } from "../task/errors.ts";
import type { ServerTarget } from "../task/target.ts";

/** How long an export waits for a database that sends nothing before it takes it for stalled. */
export interface Patience extends Pick<ServerTarget, "label"> {
  /** For the next row, once there was one, in milliseconds. */
  readonly idleMs: number;
  /** For what takes work before there is anything to send. */
  readonly startMs: number;
}

/** What is waited for. */
export interface Wait {
  /** As in `it has not sent <what>`. */
  readonly what: string;
  /** How much has come so far; while it grows nothing is stalled. Nothing at all where undefined. */
  readonly received?: () => number;
}

/** Parts of the time allowed after which it is looked whether something came. */
const LOOKS = 4;

/** Result of `work`, which is given up when for a time nothing has come: `startMs` before anything has, else `idleMs`.
 *
 * Time counts in looks, so that this process being busy or suspended itself is no stall.
 *
 * Errors: TaskError (exit 1) naming the database and what was waited for.
 */
export async function unlessStalled<T>(work: PromiseLike<T>, wait: Wait, patience: Patience): Promise<T> {
  const { received = () => 0 } = wait;
  const { promise: stalled, reject } = Promise.withResolvers<never>();
  const limitMs = () => received() > 0 ? patience.idleMs : patience.startMs;
  let timer: ReturnType<typeof setTimeout>;
  const look = (before: number, quiet: number) => {
    timer = setTimeout(() => {
      const now = received();
      if (now !== before) return look(now, 0);
      if (quiet + 1 < LOOKS) return look(now, quiet + 1);
      reject(stallError(wait, patience.label, limitMs()));
    }, limitMs() / LOOKS);
  };
  look(received(), 0);
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(timer!);
  }
}

function stallError({ what, received }: Wait, label: string, ms: number): TaskError {
  const remedy = received?.() ? "or allow more with --idle-timeout" : "and run it again";
  return new TaskError(
    `Cannot export database "${label}": it has not sent ${what} for ${ms / 1000} s; see what holds it up, ${remedy}`,
  );
}
