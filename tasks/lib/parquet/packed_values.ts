import { type ColumnBuffer, WIDTH } from "../copy/column_buffer.ts";
import { type Physical, physicalOf } from "./schema.ts";

/** Values one right behind the other, none of them NULL, in the width of their physical type. */
export interface PackedValues {
  readonly physical: Physical;
  readonly count: number;
  /** Numbers: their words, the lowest first. */
  readonly words: Int32Array;
  /** Texts: their bytes. Booleans: their bits. */
  readonly bytes: Uint8Array;
  /** Texts: value i is bytes offsets[i] to offsets[i + 1]. */
  readonly offsets: Int32Array;
}

/** Takes the NULLs out of column buffers, in memory that is used again. */
export class Packer {
  #words = new Int32Array(0);

  /** The values of the first `rows` rows, valid until the next call; views of the buffer where nothing is to be moved. */
  pack(buffer: ColumnBuffer, rows: number): PackedValues {
    const { column, nulls, words, values: bytes, offsets } = buffer;
    const physical = physicalOf(column);
    const packed = { physical, count: rows - nulls, words, bytes, offsets };
    const isWide = 4 * physical.words < WIDTH[column.layout];
    if (nulls === 0 && !(physical.words > 0 && isWide)) return packed;
    if (physical.order === "texts") return { ...packed, offsets: this.#packOffsets(buffer, rows) };
    if (physical.order === "bits") return { ...packed, bytes: packBits(buffer, rows) };
    return { ...packed, words: this.#packWords(buffer, rows, physical.words) };
  }

  /** NULLs have no bytes, so the bytes are packed already. */
  #packOffsets({ validity, offsets }: ColumnBuffer, rows: number): Int32Array {
    const packed = this.#reserve(rows + 1);
    let at = 0;
    for (let row = 0; row < rows; row++) {
      if ((validity[row >> 3] & 1 << (row & 7)) !== 0) packed[++at] = offsets[row + 1];
    }
    return packed;
  }

  /** The lowest `width` words of each value. */
  #packWords({ column, validity, words }: ColumnBuffer, rows: number, width: number): Int32Array {
    const stride = WIDTH[column.layout] / 4;
    const packed = this.#reserve(rows * width);
    let at = 0;
    for (let row = 0; row < rows; row++) {
      if ((validity[row >> 3] & 1 << (row & 7)) === 0) continue;
      for (let word = stride * row; word < stride * row + width; word++) packed[at++] = words[word];
    }
    return packed;
  }

  #reserve(words: number): Int32Array {
    if (this.#words.length < words) this.#words = new Int32Array(2 * words);
    this.#words[0] = 0;
    return this.#words;
  }
}

function packBits({ validity, values }: ColumnBuffer, rows: number): Uint8Array {
  const packed = new Uint8Array((rows + 7) >> 3);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if ((validity[row >> 3] & 1 << (row & 7)) === 0) continue;
    if ((values[row >> 3] & 1 << (row & 7)) !== 0) packed[at >> 3] |= 1 << (at & 7);
    at++;
  }
  return packed;
}
