import { basename, dirname, join } from "node:path";
import { EXIT, TaskError } from "../task/errors.ts";
import { type FileLockOptions, lockFile } from "../task/file_lock.ts";
import { lstat } from "../task/files.ts";
import type { EmbeddedTarget } from "../task/target.ts";

/** How to wait for a process that has the embedded database. */
export interface LockWait extends Pick<FileLockOptions, "waitMs" | "signal"> {
  /** Gets the line that says whom it waits for. */
  readonly note?: (line: string) => void;
}

/** The lock of an embedded database, for all that is done with its files; what a killed reset has left is put right.
 *
 * Errors: TaskError (exit 5) naming the process that has it.
 */
export async function lockEmbedded(
  { directory, label }: EmbeddedTarget,
  { waitMs, signal, note }: LockWait = {},
): Promise<Disposable> {
  const onWait = (holder: string) => note?.(`Waiting for the ${label}, which ${holder} holds`);
  using stack = new DisposableStack();
  stack.use(await lockFile(`${directory}.lock`, { what: label, waitMs, signal, onWait }));
  await settle(directory);
  return stack.move();
}

/** Replaces the embedded database by a new one that `fill` has made.
 *
 * The new one is made beside the old one and takes its place by renames when it is complete; whenever it is killed, the
 * old one or the new one is there, at the latest when the next process takes the lock. The signal ends it while the old
 * one is still in its place.
 *
 * Errors: TaskError (exit 3) for a directory that holds something else, exit 5 as `lockEmbedded`, and whatever `fill`
 * throws; nothing is changed then.
 */
export async function replaceEmbedded(
  target: EmbeddedTarget,
  fill: (target: EmbeddedTarget) => Promise<void>,
  options: LockWait & { readonly signal: AbortSignal },
): Promise<void> {
  const { directory } = target;
  using _lock = await lockEmbedded(target, options);
  await refuseForeign(target);
  const { beside, fresh, old } = placesOf(directory);
  try {
    await Deno.mkdir(beside);
    await fill({ ...target, directory: fresh });
    options.signal.throwIfAborted();
    if (await lstat(directory) !== undefined) await Deno.rename(directory, old);
    await Deno.rename(fresh, directory);
  } finally {
    await settle(directory);
  }
}

/** Where a reset works: beside the database, so that a rename is all that is left to do. */
function placesOf(directory: string): { readonly beside: string; readonly fresh: string; readonly old: string } {
  const beside = join(dirname(directory), `.${basename(directory)}.reset`);
  return { beside, fresh: join(beside, "new"), old: join(beside, "old") };
}

/** Puts the old database back where no new one has taken its place, and removes the rest; only under the lock. */
async function settle(directory: string): Promise<void> {
  const { beside, old } = placesOf(directory);
  if (await lstat(beside) === undefined) return;
  if (await lstat(directory) === undefined && await lstat(old) !== undefined) await Deno.rename(old, directory);
  await Deno.remove(beside, { recursive: true });
}

async function refuseForeign({ directory, label }: EmbeddedTarget): Promise<void> {
  if (await lstat(directory) === undefined) return;
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  if (names.length === 0 || names.includes("PG_VERSION")) return;
  throw new TaskError(
    `Cannot remove ${label}: the directory holds something else; point EMBEDDED_DIR at a directory of its own`,
    EXIT.refused,
  );
}
