import { CopyFormatError } from "./errors.ts";

/** Rows decoded at a time: their field positions stay in the processor's cache. */
const BATCH_ROWS = 512;

/** Slots of one column in a batch: not a power of two, which would put all columns into the same cache lines. */
export const STRIDE: number = BATCH_ROWS + 16;

/** The next tuples of a block, and where their fields are. */
export class Batch {
  readonly block: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** Start of the value of field [column * STRIDE + row], -1 for NULL; its length stands in the four bytes before. */
  readonly starts: Int32Array;
  rows = 0;
  #columns: number;
  #position = 0;
  #begins = new Int32Array(BATCH_ROWS + 1);

  /** Before the first batch of a block. */
  constructor(block: Uint8Array, columns: number) {
    this.block = block;
    this.view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    this.starts = new Int32Array(columns * STRIDE);
    this.#columns = columns;
  }

  /** Moves on to the next tuples; false at the end of the block. */
  next(): boolean {
    const { block } = this;
    let at = this.#position;
    let row = 0;
    for (; row < BATCH_ROWS && at < block.length; row++) {
      this.#begins[row] = at;
      at = this.#walk(at, row);
    }
    this.#begins[row] = at;
    this.#position = at;
    this.rows = row;
    return row > 0;
  }

  /** Notes where the fields of the tuple at `at` are, and tells where it ends. */
  #walk(at: number, row: number): number {
    const { block, view, starts } = this;
    const slots = this.#columns * STRIDE;
    if (at + 2 > block.length) throw new CopyFormatError("the block ends inside a tuple");
    const count = view.getInt16(at);
    if (count !== this.#columns) throw new CopyFormatError(`a tuple has ${count} fields, not ${this.#columns}`);
    at += 2;
    for (let slot = row; slot < slots; slot += STRIDE) {
      if (at + 4 > block.length) throw new CopyFormatError("the block ends inside a tuple");
      const length = view.getInt32(at);
      at += 4;
      if (length >= 0) {
        starts[slot] = at;
        at += length;
      } else {
        if (length !== -1) throw new CopyFormatError(`a field has ${length} bytes`);
        starts[slot] = -1;
      }
    }
    if (at > block.length) throw new CopyFormatError("the block ends inside a tuple");
    return at;
  }

  tuple(row: number): Uint8Array {
    const begin = this.#begins[row];
    return this.block.subarray(begin, new Batch(this.block, this.#columns).#walk(begin, 0));
  }

  remove(row: number): void {
    for (let slot = 0; slot < this.#columns * STRIDE; slot += STRIDE) {
      this.starts.copyWithin(slot + row, slot + row + 1, slot + this.rows);
    }
    this.#begins.copyWithin(row, row + 1, this.rows);
    this.rows--;
  }
}
