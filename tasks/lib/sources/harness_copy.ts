import { backup, type DatabaseSync } from "node:sqlite";
import type { Day } from "../dataset/day.ts";
import type { CopyRequest, PickDays } from "./harness_messages.ts";
import { copyRows } from "./harness_rows.ts";
import { checkFile } from "./sqlite_check.ts";
import { toReadError, unreadable } from "./sqlite_error.ts";
import { openReadable } from "./sqlite_open.ts";
import { readTables } from "./sqlite_tables.ts";

/** How often a copy is begun again because the file has changed meanwhile. */
const RESTARTS = 5;

/** Thrown when the file has changed under a copy. */
class Changed extends Error {}

/** Copies what an export needs of a harness database to a file of its own, and tells the keys by day.
 *
 * In WAL mode, where readers are in nobody's way, the copy is of one transaction. Else it is made in short reads, and
 * begun again when the file has changed; the last time it takes what it finds, every row once.
 *
 * Errors: TaskError naming the file for what cannot be read.
 */
export async function copyHarness(request: CopyRequest, pick?: PickDays): Promise<ReadonlyMap<Day, string>> {
  try {
    using db = openReadable(request.path, request.scratch);
    // The copy grows in the connection's own temporary database, which SQL can write to without a way through here.
    db.exec("pragma temp.journal_mode = off; pragma temp.synchronous = off; pragma main.cache_size = -8000");
    const keys = isWal(db) ? await copyAtOnce(db, request, pick) : await copyInPages(db, request, pick);
    await backup(db, request.scratch, { source: "temp", rate: -1 });
    return keys;
  } catch (error) {
    throw toReadError(request.path, error);
  }
}

function isWal(db: DatabaseSync): boolean {
  return db.prepare("pragma main.journal_mode").get()!.journal_mode === "wal";
}

async function copyAtOnce(db: DatabaseSync, request: CopyRequest, pick?: PickDays): Promise<ReadonlyMap<Day, string>> {
  db.exec("begin");
  const tables = readTables(db, request.path);
  checkFile(db, request.path);
  const keys = await copyRows({ db, tables, request, pick, expectSame: () => {} });
  db.exec("commit");
  return keys;
}

async function copyInPages(db: DatabaseSync, request: CopyRequest, pick?: PickDays): Promise<ReadonlyMap<Day, string>> {
  const { path } = request;
  const version = (name: string) => db.prepare(`pragma main.${name}`).get()![name];
  checkFile(db, path);
  for (let restarts = 0;; restarts++) {
    const [data, schema] = [version("data_version"), version("schema_version")];
    const changes = () => {
      if (version("data_version") !== data) throw new Changed();
    };
    const expectSame = restarts < RESTARTS ? changes : undefined;
    try {
      const keys = await copyRows({ db, tables: readTables(db, path), request, pick, expectSame });
      // VACUUM gives rows new places, by which they would be lost.
      if (version("schema_version") === schema) return keys;
      throw unreadable(path, "another process rebuilds it; run the export again when it is done");
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
    }
  }
}
