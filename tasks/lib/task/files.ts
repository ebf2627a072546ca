import { createHash } from "node:crypto";
import { messageOf, TaskError } from "./errors.ts";

/** Names of files that are not finished, and of SQLite's journals of them: a leading dot, and no ending that a reader
 * looks for. */
export const UNFINISHED = /^\.[\w.-]+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part(-journal)?$/;

/** A fresh temporary path beside a path. */
export function unfinishedPath(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}.${path.slice(slash)}.${crypto.randomUUID()}.part`;
}

/** Writes all of some bytes. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Bytes that are read at a time: more of them would be garbage faster than it is collected. */
const PIECE_BYTES = 128 * 1024;

/** The bytes of a range of a file, in pieces whose memory is used again.
 *
 * Errors: Error where the file ends before the range does.
 */
export async function* readRange(file: Deno.FsFile, start: number, end: number): AsyncGenerator<Uint8Array> {
  await file.seek(start, Deno.SeekMode.Start);
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, end - start));
  for (let at = start; at < end;) {
    const size = await file.read(buffer.subarray(0, Math.min(buffer.length, end - at)));
    if (size === null) throw new Error("it is cut");
    yield buffer.subarray(0, size);
    at += size;
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const piece of readRange(file, 0, (await file.stat()).size)) hash.update(piece);
  return hash.digest("hex");
}

/** Runs a change of one path, whose failure leaves what was there. */
export async function replacing<T>(path: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof TaskError) throw error;
    throw new TaskError(
      `Cannot write "${path}": ${messageOf(error)}; nothing was replaced, correct that and export again`,
    );
  }
}

/** Result of work on a file; undefined where the file is not there. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

/** Text of a file; undefined where it is not there. */
export async function readText(path: string): Promise<string | undefined> {
  return await ifThere(Deno.readTextFile(path)).catch((error) => {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; make it a readable file`);
  });
}

/** What stands under a path, links not followed; undefined for nothing. */
export async function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  return await ifThere(Deno.lstat(path));
}

/** As `lstat`, at once. */
export function lstatSync(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a file; that it is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  await ifThere(Deno.remove(path));
}

/** Removes a directory that holds nothing; that it is not there is no error. */
export async function removeIfEmpty(directory: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(directory)) return;
    await Deno.remove(directory);
  } catch (error) {
    // Another process may have removed it, or put something into it since.
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ENOTEMPTY") return;
    throw error;
  }
}

/** Makes renames in a directory last through a power cut. Windows has no such call. */
export async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using handle = await ifThere(Deno.open(directory));
  await handle?.sync();
}
