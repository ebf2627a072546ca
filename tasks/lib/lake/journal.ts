import { isDay } from "../dataset/day.ts";
import { TaskError } from "../task/errors.ts";
import { isFileOf } from "./manifest.ts";

/** What is left to do once a commit is decided: renames and removals, which need no room on the disk. Paths are relative
 * to the lane. */
export interface Journal {
  /** Finished temporary files and the names they get. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** Files that go: of days without rows, and of days that had several before. */
  readonly removals: readonly string[];
  /** Temporary name of the new manifest. */
  readonly manifest: string;
}

/** The journal that a text holds: nothing in it leads out of its lane, or to a file that no export writes.
 *
 * Errors: TaskError naming the path when it is none.
 */
export function parseJournal(path: string, text: string, dataset: string): Journal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw journalError(path, "it is not JSON");
  }
  if (!isJournal(value, dataset)) throw journalError(path, "it is damaged");
  return value;
}

function journalError(path: string, finding: string): TaskError {
  return new TaskError(`Cannot read journal "${path}": ${finding}; remove it and export with --verify`);
}

/** A day's file, or the temporary one beside it: day, a dot, name, the temporary one's ending. */
const PATH = /^dt=([\d-]{10})\/(\.?)([\w-]+\.parquet)(\.[0-9a-f-]{36}\.part)?$/;

const MANIFEST = /^\._manifest\.json\.[0-9a-f-]{36}\.part$/;

function isJournal(value: unknown, dataset: string): value is Journal {
  if (typeof value !== "object" || value === null) return false;
  const { renames, removals, manifest } = value as Partial<Record<keyof Journal, unknown>>;
  return Array.isArray(renames) && renames.every((value) => isRename(value, dataset)) && Array.isArray(removals) &&
    removals.every((value) => isDayFile(value, dataset)) && typeof manifest === "string" && MANIFEST.test(manifest);
}

function isRename(value: unknown, dataset: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { from, to } = value as { readonly from?: unknown; readonly to?: unknown };
  if (typeof from !== "string" || !isDayFile(to, dataset)) return false;
  const [, day, dot, name, ending] = PATH.exec(from) ?? [];
  return dot === "." && ending !== undefined && to === `dt=${day}/${name}`;
}

function isDayFile(value: unknown, dataset: string): value is string {
  if (typeof value !== "string") return false;
  const [, day, dot, name, ending] = PATH.exec(value) ?? [];
  return day !== undefined && isDay(day) && dot === "" && ending === undefined && isFileOf(dataset, name);
}
