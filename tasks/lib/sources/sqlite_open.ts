import { DatabaseSync } from "node:sqlite";
import { sqliteCode, unreadable } from "./sqlite_error.ts";

/** SQLITE_READONLY_DIRECTORY: a file in WAL mode, in a directory where its -shm cannot be made. */
const READONLY_DIRECTORY = 1544;

/** Where a database's header says whether it is in WAL mode (2) or not (1), for writers and for readers. */
const MODE_AT = 18;

/** Opens a database read-only, and reads from it once.
 *
 * A file in WAL mode that nobody has open and that lies in a directory without write permission cannot be opened there:
 * its bytes are copied to `scratch`, and that is opened.
 *
 * Errors: what SQLite says; TaskError where the file changes while its bytes are copied.
 */
export function openReadable(path: string, scratch: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 3000 });
  try {
    // Not executed, but as a statement, whose failures have a code.
    db.prepare("pragma main.journal_mode").get();
    return db;
  } catch (error) {
    db.close();
    if (sqliteCode(error) !== READONLY_DIRECTORY) throw error;
  }
  copyBytes(path, scratch);
  return new DatabaseSync(scratch, { readOnly: true });
}

/** Copies the bytes of a file in WAL mode, which nobody has open, to an existing file that is in no such mode.
 *
 * Errors: TaskError where the file changes meanwhile.
 */
export function copyBytes(path: string, to: string): void {
  const state = stateOf(path);
  using source = Deno.openSync(path);
  using target = Deno.openSync(to, { write: true });
  const bytes = new Uint8Array(1 << 20);
  for (let size = source.readSync(bytes); size !== null; size = source.readSync(bytes)) {
    for (let at = 0; at < size;) at += target.writeSync(bytes.subarray(at, size));
  }
  target.seekSync(MODE_AT, Deno.SeekMode.Start);
  target.writeSync(new Uint8Array([1, 1]));
  if (stateOf(path) !== state) {
    throw unreadable(path, "another process has opened it; run the export again when it is done");
  }
}

function stateOf(path: string): string {
  const { size, mtime, ino } = Deno.statSync(path);
  const walBytes = sizeOf(`${path}-wal`);
  return `${size} ${mtime?.getTime()} ${ino} ${walBytes}`;
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
