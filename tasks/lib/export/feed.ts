import type { Segment, TableSource } from "../dataset/source.ts";
import type { RunEvent } from "../threads/messages.ts";
import type { Thread } from "../threads/pool.ts";
import { FRAME_BYTES } from "../threads/messages.ts";

/** Bytes that are handed over at a time. */
const BLOCK_BYTES = 512 * 1024;

/** What is read, and by whom it is made row groups of. */
export interface Feed {
  readonly segment: Segment;
  readonly table: TableSource;
  readonly thread: Thread;
}

/** Reads a segment over the table's own session, and gives its rows to a thread, which is told to expect them. */
export async function feedSegment({ segment, table, thread }: Feed, onEvent: (event: RunEvent) => void): Promise<void> {
  let block = new Uint8Array(BLOCK_BYTES);
  let at = 0;
  let last: Promise<void> = Promise.resolve();
  const send = () => {
    const before = last;
    last = thread.give(block.subarray(0, at), onEvent);
    last.catch(() => {});
    at = 0;
    return before;
  };
  thread.expect([segment]);
  await table.read(table.copySql([segment]), (bytes, start, end) => {
    const size = FRAME_BYTES + end - start;
    let before: Promise<void> | undefined;
    if (at + size > block.length) {
      before = send();
      block = new Uint8Array(Math.max(BLOCK_BYTES, size));
    }
    new DataView(block.buffer).setUint32(at, end - start);
    block.set(bytes.subarray(start, end), at + FRAME_BYTES);
    at += size;
    // One block is read while another is taken.
    return before;
  });
  send();
  await last;
}
