import { dirname, join } from "node:path";
import type { Day } from "../dataset/day.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { unfinishedPath } from "../task/files.ts";
import type { CopyRequest } from "./harness_messages.ts";
import { type HarnessCopy, openCopy } from "./harness_query.ts";
import { copyOnThread, type ThreadOptions } from "./harness_thread.ts";
import { toReadError } from "./sqlite_error.ts";

/** What was wanted of one state of a harness database, in a copy that goes when it is disposed. */
export interface HarnessDatabase extends HarnessCopy {
  /** Path of the copy. */
  readonly scratch: string;
  /** By UTC day of created_at, a digest of the keys of the rows that the file has of it: ids of executions, run_id and
   * created_at of runs to which none belongs. Every one of them is in the copy, unless its day was not wanted. */
  readonly keys: ReadonlyMap<Day, string>;
  /** Makes a file beside the copy, with mode 0600, which goes with it; gives its path. */
  createSpool(): string;
}

/** Copies what is wanted of a harness database, without making its writers wait, to a file that is made with mode 0600, and
 * opens the copy.
 *
 * Errors: TaskError naming the file when it is missing, no SQLite database, damaged, locked, or without a table `runs`;
 * the signal's reason.
 */
export async function openHarness(
  path: string,
  options: Omit<CopyRequest, "path"> & ThreadOptions,
): Promise<HarnessDatabase> {
  const { scratch, range, run } = options;
  const real = realPath(path);
  createScratch(scratch);
  try {
    const keys = await copyOnThread({ path, scratch, range, run }, options);
    return withFiles(openCopy(real, scratch), scratch, keys);
  } catch (error) {
    Deno.removeSync(scratch);
    throw error;
  }
}

function realPath(path: string): string {
  try {
    const real = Deno.realPathSync(path);
    if (Deno.statSync(real).isFile) return real;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw toReadError(path, error);
    throw new TaskError(
      `Cannot read SQLite file "${path}": it does not exist; name it with --sqlite or HERETIX_DB_PATH`,
    );
  }
  throw new TaskError(`Cannot read SQLite file "${path}": it is not a file; name the harness's database`);
}

function createScratch(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; make its directory writable`);
  }
}

function withFiles(copy: HarnessCopy, scratch: string, keys: ReadonlyMap<Day, string>): HarnessDatabase {
  const files = [scratch];
  return {
    ...copy,
    scratch,
    keys,
    createSpool() {
      const path = unfinishedPath(join(dirname(scratch), "harness"));
      createScratch(path);
      files.push(path);
      return path;
    },
    [Symbol.dispose]() {
      copy[Symbol.dispose]();
      files.forEach(removeScratch);
    },
  };
}

/** An export that has failed has removed all unfinished files of its lane by now. */
function removeScratch(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
