import type { Column, Layout } from "../dataset/dataset.ts";

/** The values of one column, growing, in Arrow's memory layout. */
export interface ColumnBuffer {
  /** The column whose values these are. */
  readonly column: Column;
  /** Bit i is set where value i is not NULL. */
  validity: Uint8Array;
  /** NULLs so far. */
  nulls: number;
  /** Fixed-width values; bits for booleans; bytes for text. */
  values: Uint8Array;
  /** 32-bit view of `values`. */
  words: Int32Array;
  /** Text only: value i is bytes offsets[i] to offsets[i + 1]. */
  offsets: Int32Array;
}

/** Bytes of one value by layout; 0 for text, which has offsets. */
export const WIDTH: Readonly<Record<Layout, number>> = {
  text: 0,
  uuid: 0,
  int64: 8,
  int32: 4,
  float64: 8,
  bool: 1 / 8,
  decimal: 16,
  timestamp: 8,
  date: 4,
};

/** An empty buffer for a column. */
export function createBuffer(column: Column): ColumnBuffer {
  const values = new Uint8Array(0);
  return {
    column,
    validity: new Uint8Array(0),
    nulls: 0,
    values,
    words: new Int32Array(values.buffer),
    offsets: new Int32Array(1),
  };
}

/** Makes room for `rows` values in all, without adding any. */
export function reserveRows(buffer: ColumnBuffer, rows: number): void {
  const bitBytes = (rows + 7) >> 3;
  if (buffer.validity.length < bitBytes) buffer.validity = grow(buffer.validity, bitBytes);
  const width = WIDTH[buffer.column.layout];
  if (width > 0) reserveBytes(buffer, Math.ceil(rows * width));
  else if (buffer.offsets.length < rows + 1) {
    const offsets = new Int32Array(Math.max(rows + 1, buffer.offsets.length * 2));
    offsets.set(buffer.offsets);
    buffer.offsets = offsets;
  }
}

/** Makes room for `sizeBytes` bytes of values in all. */
export function reserveBytes(buffer: ColumnBuffer, sizeBytes: number): void {
  if (buffer.values.length >= sizeBytes) return;
  buffer.values = grow(buffer.values, sizeBytes);
  buffer.words = new Int32Array(buffer.values.buffer);
}

/** Forgets the values from row `rows` on, so that a buffer is used again or a batch is taken back. */
export function truncateRows(buffer: ColumnBuffer, rows: number, nulls: number): void {
  buffer.nulls = nulls;
  clearBits(buffer.validity, rows);
  if (buffer.column.layout === "bool") clearBits(buffer.values, rows);
}

function clearBits(bits: Uint8Array, from: number): void {
  const byte = from >> 3;
  if (byte >= bits.length) return;
  bits[byte] &= (1 << (from & 7)) - 1;
  bits.fill(0, byte + 1);
}

/** A copy with at least `sizeBytes`, doubled, in whole 8-byte words. */
function grow(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const grown = new Uint8Array((Math.max(sizeBytes, bytes.length * 2, 64) + 7) & ~7);
  grown.set(bytes);
  return grown;
}
