import { EXIT, messageOf, TaskError } from "./errors.ts";

const FINDINGS: Readonly<Record<number, string>> = {
  5: "another process has locked it; run the export again when it is done",
  8: "it needs to be rolled back after a crash; open it once with sqlite3",
  10: "the disk cannot be read",
  11: "it is damaged; recover it with sqlite3 .recover",
  14: "it cannot be opened; check its permissions and those of its directory",
  26: "it is not a SQLite database; name the harness's database",
};

/** The failure to read a SQLite file, by what was found and what to do about it. */
export function unreadable(path: string, finding: string, cause?: unknown): TaskError {
  return new TaskError(`Cannot read SQLite file "${path}": ${finding}`, EXIT.failed, { cause });
}

/** What anything thrown by SQLite means for the reader of a file. */
export function toReadError(path: string, error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  const code = (error as { errcode?: number }).errcode;
  const finding = code === undefined ? undefined : FINDINGS[code & 0xff];
  return unreadable(path, finding ?? messageOf(error), error);
}
