import type { ColumnBuffer } from "../copy/column_buffer.ts";
import type { GrowingBytes } from "./growing_bytes.ts";

/** Appends which of the first `rows` values are there, as the definition levels of a data page of version 1.
 *
 * Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 */
export function appendLevels(target: GrowingBytes, { nulls, validity }: ColumnBuffer, rows: number): void {
  const start = target.extend(4);
  if (nulls === 0 || nulls === rows) {
    target.varint(2 * rows);
    target.byte(nulls === 0 ? 1 : 0);
  } else {
    const groups = (rows + 7) >> 3;
    target.varint(2 * groups + 1);
    target.append(validity.subarray(0, groups));
  }
  target.view.setUint32(start, target.size - start - 4, true);
}

/** Appends indices into a dictionary of `entries`: in runs where those are the shorter, else packed. */
export function appendIndices(
  target: GrowingBytes,
  indices: Int32Array,
  { count, entries }: { readonly count: number; readonly entries: number },
): void {
  // Not every reader knows what no bits are.
  const bits = Math.max(1, 32 - Math.clz32(entries - 1));
  target.byte(bits);
  const runBytes = bits > 8 ? 4 : 3;
  if (runBytes * runsOf(indices, count) < count * bits / 8) appendRuns(target, indices, count, bits);
  else appendPacked(target, indices, count, bits);
}

function runsOf(indices: Int32Array, count: number): number {
  let runs = 1;
  for (let i = 1; i < count; i++) if (indices[i] !== indices[i - 1]) runs++;
  return runs;
}

function appendRuns(target: GrowingBytes, indices: Int32Array, count: number, bits: number): void {
  for (let start = 0, end = 0; start < count; start = end) {
    const index = indices[start];
    while (end < count && indices[end] === index) end++;
    target.varint(2 * (end - start));
    target.byte(index & 255);
    if (bits > 8) target.byte(index >> 8);
  }
}

function appendPacked(target: GrowingBytes, indices: Int32Array, count: number, bits: number): void {
  const groups = (count + 7) >> 3;
  target.varint(2 * groups + 1);
  let at = target.extend(groups * bits);
  const { bytes } = target;
  let open = 0;
  let held = 0;
  for (let i = 0; i < 8 * groups; i++) {
    // Bits of less than one byte are left over: the sum is far from 32.
    open |= (i < count ? indices[i] : 0) << held;
    for (held += bits; held >= 8; held -= 8, open >>>= 8) bytes[at++] = open & 255;
  }
}
