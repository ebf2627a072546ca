import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { footerLength, PARQUET_MAGIC, type ParquetFooter, parseFooter, TAIL_BYTES } from "./footer.ts";
import type { JoinedFile } from "./joined_file.ts";
import type { ReadableFile } from "./memory_files.ts";

/** A Parquet file of the disk, as it was when its footer was read. */
export interface DiskFile {
  /** Where it is. */
  readonly path: string;
  /** Its footer. */
  readonly footer: ParquetFooter;
  /** All its bytes. */
  readonly sizeBytes: number;
  /** Differs once other bytes stand under the path. */
  readonly identity: string;
}

/** Files that are kept open at a time; systems allow few hundreds. */
const MAX_OPEN = 100;

/** Reads the footer of a Parquet file.
 *
 * Errors: Error naming the file where it cannot be read, RangeError within where it is none.
 */
export function readDiskFile(path: string): DiskFile {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    const { sizeBytes, identity } = lookAt(descriptor);
    const end = sizeBytes - TAIL_BYTES;
    const length = end < PARQUET_MAGIC.length ? -1 : footerLength(readAt(descriptor, TAIL_BYTES, end));
    if (length < 0 || length > end - PARQUET_MAGIC.length) throw new RangeError("it is cut");
    return { path, footer: parseFooter(readAt(descriptor, length, end - length)), sizeBytes, identity };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`"${path}" is no Parquet file: ${error.message}`, { cause: error });
  } finally {
    closeSync(descriptor);
  }
}

/** What makes one file of several readable, their bytes read from the disk when they are wanted.
 *
 * Errors: `read` throws where a file is not the one whose footer was read.
 */
export function readableOf(
  { starts, end, sizeBytes }: JoinedFile,
  files: readonly DiskFile[],
): ReadableFile & Disposable {
  const open = new Map<number, number>();
  const endStart = sizeBytes - end.length;
  const readPart = (index: number, target: Uint8Array, offset: number) => {
    const size = Math.min(target.length, files[index].sizeBytes - offset);
    return readSync(descriptorOf(open, index, files[index]), target, 0, size, offset);
  };
  const readOnce = (target: Uint8Array, offset: number) => {
    if (offset >= endStart) {
      const part = end.subarray(offset - endStart, offset - endStart + target.length);
      target.set(part);
      return part.length;
    }
    const index = lastAtMost(starts, offset);
    return readPart(index, target, offset - starts[index]);
  };
  return {
    sizeBytes,
    read(target, offset) {
      let at = 0;
      while (at < target.length && offset + at < sizeBytes) {
        const size = readOnce(target.subarray(at), offset + at);
        if (size === 0) throw new Error("A file has become shorter while it was read");
        at += size;
      }
      return at;
    },
    [Symbol.dispose]: () => open.forEach((descriptor) => closeSync(descriptor)),
  };
}

function descriptorOf(open: Map<number, number>, index: number, { path, identity }: DiskFile): number {
  const known = open.get(index);
  if (known !== undefined) return known;
  const [oldest] = open;
  if (open.size >= MAX_OPEN) {
    closeSync(oldest[1]);
    open.delete(oldest[0]);
  }
  const descriptor = openSync(path, constants.O_RDONLY);
  if (lookAt(descriptor).identity !== identity) {
    closeSync(descriptor);
    throw new Error(`"${path}" was written anew while it was read; run again`);
  }
  open.set(index, descriptor);
  return descriptor;
}

function lookAt(descriptor: number): { readonly sizeBytes: number; readonly identity: string } {
  const { size, ino, mtimeMs } = fstatSync(descriptor);
  return { sizeBytes: size, identity: `${ino} ${size} ${mtimeMs}` };
}

function readAt(descriptor: number, length: number, offset: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const size = readSync(descriptor, bytes, at, length - at, offset + at);
    if (size === 0) throw new RangeError("it is cut");
    at += size;
  }
  return bytes;
}

/** Index of the last number that is not above a limit; the numbers rise, and the first one is below it. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (numbers[middle] <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
