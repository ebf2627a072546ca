/** Size of a block: large enough that handing it over costs nothing, small enough that many are under way. */
export const BLOCK_BYTES = 512 * 1024;

/** Blocks that go to a thread and come back: fresh memory for every block would cost more than filling it. */
export interface BlockPool {
  /** A block of at least `sizeBytes`, with whatever is in it. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer>;
  /** Takes a block back. */
  give(buffer: ArrayBuffer): void;
}

/** An empty pool. */
export function createBlockPool(): BlockPool {
  const free: ArrayBuffer[] = [];
  return {
    take(sizeBytes) {
      if (sizeBytes > BLOCK_BYTES) return new Uint8Array(sizeBytes);
      return new Uint8Array(free.pop() ?? new ArrayBuffer(BLOCK_BYTES));
    },
    give(buffer) {
      if (buffer.byteLength === BLOCK_BYTES) free.push(buffer);
    },
  };
}
