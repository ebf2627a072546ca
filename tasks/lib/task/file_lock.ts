import { dirname } from "node:path";
import { EXIT, messageOf, TaskError } from "./errors.ts";

/** What is locked, and how long to wait for it. */
export interface FileLockOptions {
  /** What the lock stands for, as it reads in an error: `export lane "local"`. */
  readonly what: string;
  /** How long to wait for it; not at all where undefined. */
  readonly waitMs?: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
  /** Called once, when another process holds the lock. */
  readonly onWait?: (holder: string) => void;
}

/** The exclusive lock of a lock file, polled until it is had, and held until disposed; the operating system frees it when
 * the process dies, however it dies.
 *
 * While it is held, the file names its holder, who alone may remove it: whoever gets the lock of a removed file takes the
 * one that is under its path now.
 *
 * Errors: TaskError (exit 5) naming the holder when `waitMs` is over; TaskError (exit 1) when the file cannot be made.
 */
export async function lockFile(path: string, options: FileLockOptions): Promise<Disposable> {
  const { what, waitMs = 0, signal } = options;
  const deadline = performance.now() + waitMs;
  let file = await openLock(path, what);
  try {
    for (let waiting = false;;) {
      if (await file.tryLock(true)) {
        if (await isUnder(path, file)) break;
        // Its last holder has removed the file: another process may hold the one that is there now.
        const stale = file;
        file = await openLock(path, what);
        stale.close();
        continue;
      }
      const holder = await readHolder(path);
      if (performance.now() >= deadline) {
        throw new TaskError(`Cannot lock ${what}: ${holder} holds it; wait for it to end`, EXIT.locked);
      }
      if (!waiting) options.onWait?.(holder);
      waiting = true;
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 30));
      signal?.throwIfAborted();
    }
    await file.truncate(0);
    // On a full disk the lock holds all the same, without its holder's name.
    await file.write(new TextEncoder().encode(`process ${Deno.pid}\n`)).catch(() => {});
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.dispose]() {
      file.truncateSync(0);
      file.close();
    },
  };
}

/** How often a lock file is made anew whose directory is removed meanwhile. */
const MAX_TRIES = 100;

async function openLock(path: string, what: string): Promise<Deno.FsFile> {
  for (let tries = 1;; tries++) {
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      return await Deno.open(path, { read: true, write: true, create: true });
    } catch (error) {
      // Its last holder removes the directory, too: before the file is made, or while the directory is.
      const isGone = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.AlreadyExists;
      if (isGone && tries < MAX_TRIES) continue;
      throw new TaskError(`Cannot lock ${what}: ${messageOf(error)}; make its directory writable`);
    }
  }
}

/** Whether an open file is the one under a path. */
async function isUnder(path: string, file: Deno.FsFile): Promise<boolean> {
  const there = await Deno.stat(path).catch(() => undefined);
  return there !== undefined && there.ino === (await file.stat()).ino;
}

async function readHolder(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.trim() || "another process";
}
