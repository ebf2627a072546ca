import { EXIT, messageOf, TaskError } from "../task/errors.ts";

/** What SQLite's codes mean for a reader, by extended code or by its lower byte. */
const FINDINGS: Readonly<Record<number, string>> = {
  5: "another process has locked it; run the export again when it is done",
  8: "it cannot be read without writing beside it; make its directory writable, or copy it with its -wal",
  776: "it needs to be rolled back after a crash; open it once with sqlite3",
  10: "the disk cannot be read",
  6410: "SQLite finds no directory for temporary files; make /tmp writable, or set TMPDIR",
  11: "it is damaged; recover it with sqlite3 .recover",
  13: "there is no room for a copy of its rows; make room beside the lane and in the temporary directory",
  14: "it cannot be opened; check its permissions and those of its directory, and of its -wal",
  26: "it is not a SQLite database; name the harness's database",
};

/** SQLite's extended code of an error, where it has one. */
export function sqliteCode(error: unknown): number | undefined {
  return (error as { errcode?: number }).errcode;
}

/** The failure to read a SQLite file, by what was found and what to do about it. */
export function unreadable(path: string, finding: string, cause?: unknown): TaskError {
  return new TaskError(`Cannot read SQLite file "${path}": ${finding}`, EXIT.failed, { cause });
}

/** What anything thrown by SQLite means for the reader of a file. */
export function toReadError(path: string, error: unknown): TaskError {
  if (error instanceof TaskError) return error;
  const code = sqliteCode(error) ?? 0;
  return unreadable(path, FINDINGS[code] ?? FINDINGS[code & 0xff] ?? messageOf(error), error);
}
