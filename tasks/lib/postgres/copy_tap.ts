import { Buffer } from "node:buffer";

/** Called with a row of a COPY: bytes `start` to `end`, valid during the call. */
export type TakeRow = (bytes: Uint8Array, start: number, end: number) => void;

/** Where what a server sends goes. */
export interface TapOutlets {
  /** Takes a row of a COPY; false where it is to go on with everything else. */
  take(bytes: Uint8Array, start: number, end: number): boolean;
  /** Takes everything else, in order. */
  pass(bytes: Uint8Array): void;
}

/** CopyData, by its first byte. */
const COPY_DATA = 0x64;

/** A message's type and its length, which counts itself but not the type. */
const HEAD_BYTES = 5;

/** A function that takes what a server sends, from the start of a message on, in chunks of any size, and takes the rows of
 * COPYs out of it, each in one piece.
 *
 * Source: PostgreSQL manual, "Message Formats".
 */
export function createCopyTap({ take, pass }: TapOutlets): (chunk: Uint8Array) => void {
  /** Bytes of the message that goes on which are still to come. */
  let passing = 0;
  /** The start of a message that has not come whole, and how much of it is missing; unknown before its head is there. */
  let held: Uint8Array[] = [];
  let missing: number | undefined;
  return function tap(chunk: Uint8Array): void {
    let [bytes, at] = [chunk, 0];
    if (missing !== undefined) {
      // The row alone is put together: the rest of the chunk stays where it is.
      at = Math.min(missing, chunk.length);
      held.push(chunk.subarray(0, at));
      missing -= at;
      if (missing > 0) return;
      const row = Buffer.concat(held);
      [held, missing] = [[], undefined];
      if (!take(row, HEAD_BYTES, row.length)) pass(row);
    } else if (held.length > 0) {
      bytes = Buffer.concat([...held, chunk]);
      held = [];
    }
    const going = Math.min(passing, bytes.length - at);
    let passed = at;
    passing -= going;
    at += going;
    while (at < bytes.length) {
      const size = at + HEAD_BYTES <= bytes.length ? 1 + lengthAt(bytes, at + 1) : undefined;
      const isRow = bytes[at] === COPY_DATA;
      if (size === undefined || (isRow && at + size > bytes.length)) {
        held = [bytes.subarray(at)];
        missing = size && at + size - bytes.length;
        break;
      }
      if (isRow && take(bytes, at + HEAD_BYTES, at + size)) {
        if (passed < at) pass(bytes.subarray(passed, at));
        passed = at + size;
      }
      passing = Math.max(0, at + size - bytes.length);
      at += size;
    }
    const end = Math.min(at, bytes.length);
    if (passed < end) pass(bytes.subarray(passed, end));
  };
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}
