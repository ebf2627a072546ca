import type { Bounds } from "./footer.ts";
import { binary, int64, nested, STATISTICS } from "./format.ts";
import type { PackedValues } from "./packed_values.ts";
import type { ThriftField } from "./thrift.ts";

/** Bytes of the longest text that is a bound: a column whose least or greatest is longer has none. */
const MAX_BOUND_BYTES = 1024;

/** Statistics of a column in a row group, where `values` are those that are there, each of them at least once.
 *
 * Bounds are exact. A column that holds a NaN has none: engines do not agree on where it stands.
 * Source: parquet-format, parquet.thrift, Statistics and ColumnOrder.
 */
export function statisticsOf(values: PackedValues, nulls: number): ThriftField {
  const bounds = exactBounds(values);
  const nullCount = [STATISTICS.nulls, int64(nulls)] as const;
  if (bounds === undefined) return nested(nullCount);
  const [max, min] = [binary(bounds.max), binary(bounds.min)];
  const current = [[STATISTICS.max, max], [STATISTICS.min, min]] as const;
  // The old fields are for what has a sign: readers do not agree on how their texts are ordered.
  if (values.physical.order === "texts") return nested(nullCount, ...current);
  return nested([STATISTICS.oldMax, max], [STATISTICS.oldMin, min], nullCount, ...current);
}

function exactBounds(values: PackedValues): Bounds | undefined {
  if (values.count === 0) return undefined;
  switch (values.physical.order) {
    case "bits":
      return boundsOfBits(values);
    case "floats":
      return boundsOfFloats(values);
    case "integers":
      return boundsOfIntegers(values);
    case "texts":
      return boundsOfTexts(values);
  }
}

function boundsOfBits({ bytes, count }: PackedValues): Bounds {
  let ones = 0;
  for (let i = 0; i < count; i++) ones += bytes[i >> 3] >> (i & 7) & 1;
  return { min: Uint8Array.of(ones === count ? 1 : 0), max: Uint8Array.of(ones > 0 ? 1 : 0) };
}

function boundsOfFloats({ words, count }: PackedValues): Bounds | undefined {
  const floats = new Float64Array(words.buffer, words.byteOffset, count);
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = floats[i];
    if (value < min) min = value;
    if (value > max) max = value;
    if (Number.isNaN(value)) return undefined;
  }
  // Zeroes are equal, so that either may be among the values.
  return { min: floatBytes(min === 0 ? -0 : min), max: floatBytes(max === 0 ? 0 : max) };
}

function floatBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}

function boundsOfIntegers({ words, count, physical: { words: width } }: PackedValues): Bounds {
  let min = 0;
  let max = 0;
  for (let at = width; at < count * width; at += width) {
    if (isLess(words, at, min, width)) min = at;
    else if (isLess(words, max, at, width)) max = at;
  }
  const bytesAt = (at: number) => {
    const bytes = new Uint8Array(words.slice(at, at + width).buffer);
    return width === 4 ? bytes.reverse() : bytes;
  };
  return { min: bytesAt(min), max: bytesAt(max) };
}

/** Whether a signed integer is less than another one; its highest word has the sign. */
function isLess(words: Int32Array, one: number, other: number, width: number): boolean {
  let word = width - 1;
  if (words[one + word] !== words[other + word]) return words[one + word] < words[other + word];
  while (--word >= 0) {
    if (words[one + word] !== words[other + word]) return words[one + word] >>> 0 < words[other + word] >>> 0;
  }
  return false;
}

function boundsOfTexts(values: PackedValues): Bounds | undefined {
  let min = 0;
  let max = 0;
  for (let i = 1; i < values.count; i++) {
    if (compareTexts(values, i, min) < 0) min = i;
    else if (compareTexts(values, i, max) > 0) max = i;
  }
  const { bytes, offsets } = values;
  if (Math.max(offsets[min + 1] - offsets[min], offsets[max + 1] - offsets[max]) > MAX_BOUND_BYTES) return undefined;
  const textAt = (i: number) => bytes.slice(offsets[i], offsets[i + 1]);
  return { min: textAt(min), max: textAt(max) };
}

/** Below 0 where one text comes before another one, above 0 where it comes behind: byte by byte, without signs. */
function compareTexts({ bytes, offsets }: PackedValues, one: number, other: number): number {
  const [start, otherStart] = [offsets[one], offsets[other]];
  const [length, otherLength] = [offsets[one + 1] - start, offsets[other + 1] - otherStart];
  const shared = Math.min(length, otherLength);
  for (let i = 0; i < shared; i++) {
    const difference = bytes[start + i] - bytes[otherStart + i];
    if (difference !== 0) return difference;
  }
  return length - otherLength;
}
