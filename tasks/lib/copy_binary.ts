import { type ColumnBuffer, reserveBytes, reserveRows, truncateRows } from "./column_buffer.ts";
import type { Layout } from "./dataset.ts";

/** Bytes before the first tuple: signature, flags and extension length. */
export const HEADER_BYTES = 19;

/** Bytes after the last tuple: a field count of -1. */
export const TRAILER_BYTES = 2;

/** Microseconds from 1970, where Arrow's timestamps start, to 2000, where Postgres's do. */
export const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;

const EPOCH_LOW = Number(POSTGRES_EPOCH_MICROS & 0xffffffffn);
const EPOCH_HIGH = Number(POSTGRES_EPOCH_MICROS >> 32n);

const SIGNATURE = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00];

/** Rows decoded at a time: their field positions stay in the processor's cache. */
const BATCH_ROWS = 512;

/** A COPY stream that breaks its own format. */
export class CopyFormatError extends Error {
  /** Always the name of the class. */
  override readonly name = "CopyFormatError";
}

/** A value that its column's type in the file cannot hold. The value itself is not told. */
export class CopyValueError extends Error {
  /** Always the name of the class. */
  override readonly name = "CopyValueError";
  /** Name of the column. */
  readonly column: string;
  /** Row in its batch, from 0. */
  readonly row: number;
  /** The whole row. */
  readonly tuple: Uint8Array;

  /** The error of one value of one row. */
  constructor(column: string, row: number, tuple: Uint8Array, finding: string) {
    super(finding);
    this.column = column;
    this.row = row;
    this.tuple = tuple;
  }
}

/** What `decodeTuples` does with rows that hold a value without a representation. */
export interface DecodeOptions {
  /** Rows already in the buffers. */
  readonly rows: number;
  /** Called with each such row, which is then left out; without it the error is thrown. */
  readonly onBadRow?: (error: CopyValueError) => void;
}

/** Size of the header of a COPY BINARY stream.
 *
 * Errors: CopyFormatError on a wrong signature, unknown flags or a short header.
 * Source: PostgreSQL manual, COPY, "Binary Format".
 */
export function headerSize(chunk: Uint8Array): number {
  if (chunk.length < HEADER_BYTES || SIGNATURE.some((byte, index) => chunk[index] !== byte)) {
    throw new CopyFormatError("the stream does not start with the signature of COPY BINARY");
  }
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (view.getUint32(11) !== 0) throw new CopyFormatError("the stream has flags that are not known");
  const size = HEADER_BYTES + view.getUint32(15);
  if (size > chunk.length) throw new CopyFormatError("the stream ends inside its header");
  return size;
}

/** Whether bytes are the trailer of a COPY BINARY stream. */
export function isTrailer(chunk: Uint8Array): boolean {
  return chunk.length === TRAILER_BYTES && chunk[0] === 0xff && chunk[1] === 0xff;
}

/** Appends the tuples of a block to column buffers, column by column, and tells how many rows there are then.
 *
 * Shape:  a block holds whole tuples; field i of a tuple belongs to buffers[i].
 * Units:  int32 big-endian lengths in bytes, -1 for NULL; timestamps in microseconds since 2000.
 * Errors: CopyFormatError on a wrong field count or length; CopyValueError on a value without a representation.
 * Source: PostgreSQL manual, COPY, "Binary Format".
 */
export function decodeTuples(block: Uint8Array, buffers: readonly ColumnBuffer[], options: DecodeOptions): number {
  const batch = new Batch(block, buffers.length);
  let rows = options.rows;
  while (batch.next()) rows = decodeBatch(batch, buffers, rows, options.onBadRow);
  return rows;
}

/** Bytes of one field of a tuple, null for SQL NULL. */
export function fieldOf(tuple: Uint8Array, field: number): Uint8Array | null {
  const view = new DataView(tuple.buffer, tuple.byteOffset, tuple.byteLength);
  let at = 2;
  for (let index = 0; index < field; index++) at += 4 + Math.max(0, view.getInt32(at));
  const length = view.getInt32(at);
  return length < 0 ? null : tuple.subarray(at + 4, at + 4 + length);
}

/** Decodes one batch; a bad row is taken out of the batch, which is then decoded again without it. */
function decodeBatch(
  batch: Batch,
  buffers: readonly ColumnBuffer[],
  rows: number,
  onBadRow: DecodeOptions["onBadRow"],
): number {
  const nulls = buffers.map((buffer) => buffer.nulls);
  for (;;) {
    try {
      buffers.forEach((buffer, column) => {
        reserveRows(buffer, rows + batch.rows);
        DECODE[buffer.column.layout](batch, column * STRIDE, buffer, rows);
      });
      return rows + batch.rows;
    } catch (error) {
      if (!(error instanceof CopyValueError) || onBadRow === undefined) throw error;
      onBadRow(error);
      buffers.forEach((buffer, column) => truncateRows(buffer, rows, nulls[column]));
      batch.remove(error.row);
    }
  }
}

/** Slots of one column in a batch: not a power of two, which would put all columns into the same cache lines. */
const STRIDE = BATCH_ROWS + 16;

/** The next tuples of a block, and where their fields are. */
class Batch {
  readonly block: Uint8Array;
  readonly view: DataView;
  /** Start of the value of field [column * STRIDE + row], -1 for NULL; its length stands in the four bytes before. */
  readonly starts: Int32Array;
  rows = 0;
  #columns: number;
  #position = 0;
  #begins = new Int32Array(BATCH_ROWS + 1);

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

  /** Bytes of one tuple. */
  tuple(row: number): Uint8Array {
    const begin = this.#begins[row];
    return this.block.subarray(begin, new Batch(this.block, this.#columns).#walk(begin, 0));
  }

  /** Takes one tuple out. */
  remove(row: number): void {
    for (let slot = 0; slot < this.#columns * STRIDE; slot += STRIDE) {
      this.starts.copyWithin(slot + row, slot + row + 1, slot + this.rows);
    }
    this.#begins.copyWithin(row, row + 1, this.rows);
    this.rows--;
  }
}

/** Decodes the values of a batch whose slots start at `base` into a buffer, from row `first` on.
 *
 * One function a layout, each with its own loop: a shared one would call an unknown function for every value.
 */
type DecodeColumn = (batch: Batch, base: number, buffer: ColumnBuffer, first: number) => void;

const DECODE: Readonly<Record<Layout, DecodeColumn>> = {
  int64: decodeEightBytes,
  float64: decodeEightBytes,
  int32: decodeFourBytes,
  bool: decodeBool,
  timestamp: decodeTimestamp,
  decimal: decodeDecimals,
  text: decodeText,
  uuid: decodeUuid,
};

function expectLength(view: DataView, start: number, expected: number): void {
  const length = view.getInt32(start - 4);
  if (length !== expected) throw new CopyFormatError(`a field has ${length} bytes, not ${expected}`);
}

/** Integers and floats alike: eight bytes turned round, by halves. */
function decodeEightBytes({ view, starts, rows }: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { words, validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    expectLength(view, start, 8);
    validity[index >> 3] |= 1 << (index & 7);
    words[2 * index] = view.getInt32(start + 4);
    words[2 * index + 1] = view.getInt32(start);
  }
}

function decodeFourBytes({ view, starts, rows }: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { words, validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    expectLength(view, start, 4);
    validity[index >> 3] |= 1 << (index & 7);
    words[index] = view.getInt32(start);
  }
}

function decodeBool({ view, starts, rows }: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { values, validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    expectLength(view, start, 1);
    validity[index >> 3] |= 1 << (index & 7);
    if (view.getUint8(start) !== 0) values[index >> 3] |= 1 << (index & 7);
  }
}

function decodeTimestamp(batch: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { view, starts, rows } = batch;
  const { words, validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    expectLength(view, start, 8);
    validity[index >> 3] |= 1 << (index & 7);
    const high = view.getInt32(start);
    const low = view.getUint32(start + 4);
    if ((high === 0x7fffffff && low === 0xffffffff) || (high === -0x80000000 && low === 0)) {
      throw valueError(batch, row, buffer, "is infinite, which a Parquet timestamp cannot be");
    }
    const sum = low + EPOCH_LOW;
    const top = high + EPOCH_HIGH + (sum > 0xffffffff ? 1 : 0);
    // The last 30 years that Postgres knows are past 2^63, whose predecessor stands for infinity.
    if (top > 0x7fffffff || (top === 0x7fffffff && (sum | 0) === -1)) {
      throw valueError(batch, row, buffer, "is later than a Parquet timestamp can be");
    }
    words[2 * index] = sum | 0;
    words[2 * index + 1] = top;
  }
}

function decodeDecimals(batch: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { view, starts, rows } = batch;
  const { validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    validity[index >> 3] |= 1 << (index & 7);
    const finding = decodeDecimal(view, start, buffer, 4 * index);
    if (finding !== undefined) throw valueError(batch, row, buffer, finding);
  }
}

function valueError(batch: Batch, row: number, { column }: ColumnBuffer, finding: string): CopyValueError {
  return new CopyValueError(column.name, row, batch.tuple(row), finding);
}

function decodeText({ block, view, starts, rows }: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { offsets, validity } = buffer;
  let at = offsets[first];
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) buffer.nulls++;
    else {
      validity[index >> 3] |= 1 << (index & 7);
      const length = view.getInt32(start - 4);
      if (at + length > buffer.values.length) reserveText(buffer, at + length);
      const { values } = buffer;
      // A short run is copied faster by hand than by making a view of it.
      if (length > 40) values.set(block.subarray(start, start + length), at);
      else for (let i = 0; i < length; i++) values[at + i] = block[start + i];
      at += length;
    }
    offsets[index + 1] = at;
  }
}

function reserveText(buffer: ColumnBuffer, sizeBytes: number): void {
  if (sizeBytes > 0x7fffffff) {
    throw new CopyFormatError(`column "${buffer.column.name}" has more than 2 GiB of text in one part`);
  }
  reserveBytes(buffer, sizeBytes);
}

const UUID_TEXT_BYTES = 36;
const HEX = new TextEncoder().encode("0123456789abcdef");
const HYPHEN = 0x2d;

function decodeUuid({ block, view, starts, rows }: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { offsets, validity } = buffer;
  let at = offsets[first];
  reserveText(buffer, at + UUID_TEXT_BYTES * rows);
  const { values } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) buffer.nulls++;
    else {
      expectLength(view, start, 16);
      validity[index >> 3] |= 1 << (index & 7);
      for (let i = 0; i < 16; i++) {
        if (i === 4 || i === 6 || i === 8 || i === 10) values[at++] = HYPHEN;
        const byte = block[start + i];
        values[at++] = HEX[byte >> 4];
        values[at++] = HEX[byte & 15];
      }
    }
    offsets[index + 1] = at;
  }
}

const NUMERIC_NEGATIVE = 0x4000;
const POWERS_OF_TEN = [1, 10, 100, 1000, 10_000];

/** numeric (base-10000 digits, weight, sign) as a 128-bit integer of units of 10^-scale, in four words from `word` on.
 *
 * Tells why the type cannot hold the value, where it cannot.
 */
function decodeDecimal(view: DataView, start: number, buffer: ColumnBuffer, word: number): string | undefined {
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
