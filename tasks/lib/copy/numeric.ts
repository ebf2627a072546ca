import type { ColumnBuffer } from "./column_buffer.ts";
import { CopyFormatError } from "./errors.ts";

const NUMERIC_NEGATIVE = 0x4000;
const POWERS_OF_TEN = [1, 10, 100, 1000, 10_000];

/** numeric (base-10000 digits, weight, sign) as a 128-bit integer of units of 10^-scale, in four words from `word` on.
 *
 * Tells why the type cannot hold the value, where it cannot.
 */
export function decodeDecimal(view: DataView, start: number, buffer: ColumnBuffer, word: number): string | undefined {
  const { precision, scale } = buffer.column;
  const length = view.getInt32(start - 4);
  const digits = length < 8 ? 0 : view.getInt16(start);
  if (length !== 8 + 2 * digits) throw new CopyFormatError(`a numeric of ${digits} digits has ${length} bytes`);
  const sign = view.getUint16(start + 4);
  if (sign !== 0 && sign !== NUMERIC_NEGATIVE) {
    return `is NaN or infinite, which DECIMAL(${precision},${scale}) cannot hold`;
  }
  const { words } = buffer;
  words.fill(0, word, word + 4);
  // Decimals that are still to be taken in, before and after the point.
  let left = (view.getInt16(start + 2) + 1) * 4 + scale;
  if (digits > 0 && left - 4 + decimalsOf(view.getInt16(start + 8)) > precision) {
    return `has more digits than DECIMAL(${precision},${scale}) holds`;
  }
  for (let digit = 0; digit < digits; digit++, left -= 4) {
    const value = view.getInt16(start + 8 + 2 * digit);
    const cut = POWERS_OF_TEN[4 - Math.max(0, Math.min(left, 4))];
    if (value % cut !== 0) return "has more digits after the point than its type";
    if (left > 0) multiplyAdd(words, word, 10_000 / cut, value / cut);
  }
  for (; digits > 0 && left > 0; left -= 4) multiplyAdd(words, word, POWERS_OF_TEN[Math.min(left, 4)], 0);
  if (sign === NUMERIC_NEGATIVE) negate(words, word);
}

/** How many decimals a base-10000 digit has without its leading zeroes. */
function decimalsOf(digit: number): number {
  return digit >= 1000 ? 4 : digit >= 100 ? 3 : digit >= 10 ? 2 : digit > 0 ? 1 : 0;
}

/** 128-bit value = value * factor + addend. */
function multiplyAdd(words: Int32Array, word: number, factor: number, addend: number): void {
  let carry = addend;
  for (let i = word; i < word + 4; i++) {
    const product = (words[i] >>> 0) * factor + carry;
    words[i] = product | 0;
    carry = Math.floor(product / 0x100000000);
  }
}

function negate(words: Int32Array, word: number): void {
  let carry = 1;
  for (let i = word; i < word + 4; i++) {
    const sum = (~words[i] >>> 0) + carry;
    words[i] = sum | 0;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}
