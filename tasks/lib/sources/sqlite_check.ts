import type { DatabaseSync } from "node:sqlite";
import { unreadable } from "./sqlite_error.ts";

/** Bytes of a file that is checked as a whole: more of them would hold its lock for too long. */
const MAX_CHECKED_BYTES = 64 * 1024 * 1024;

/** Looks at what SQLite's reading would take as it is: a damaged page can read as rows of zeroes.
 *
 * Errors: TaskError for damage, and for text that is not UTF-8.
 */
export function checkFile(db: DatabaseSync, path: string): void {
  const sizeBytes = Deno.statSync(path).size;
  const [{ page_size }] = db.prepare("pragma main.page_size").all();
  // SQLite reads what is missing of a last page as zeroes, which may be the end of a text.
  if (sizeBytes % Number(page_size) !== 0) {
    throw unreadable(path, "it is damaged (its last page is cut); recover it with sqlite3 .recover");
  }
  const [{ encoding }] = db.prepare("pragma main.encoding").all();
  if (encoding !== "UTF-8") {
    const [from, to] = [path, `${path}.utf8`].map((name) => `'${name.replaceAll("'", "'\\''")}'`);
    throw unreadable(path, `its text is ${encoding}; convert it: sqlite3 ${from} .dump | sqlite3 ${to}`);
  }
  if (sizeBytes <= MAX_CHECKED_BYTES) checkPages(db, path);
}

function checkPages(db: DatabaseSync, path: string): void {
  warm(path);
  for (const table of ["runs", "executions", "samples"]) {
    if (!db.prepare("select 1 from main.sqlite_master where type = 'table' and name = ?").get(table)) continue;
    const [finding] = db.prepare(`pragma main.quick_check(${table})`).all();
    if (finding.quick_check !== "ok") {
      throw unreadable(path, `it is damaged (quick_check of ${table}); recover it with sqlite3 .recover`);
    }
  }
}

/** Brings a file from the disk into memory, so that a check of it holds the lock for a moment. */
function warm(path: string): void {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(1 << 20);
  while (file.readSync(bytes) !== null);
}
