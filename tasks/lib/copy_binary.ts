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
  override readonly name = "CopyFormatError";
}

/** A value that its column's type in the file cannot hold. The value itself is not told. */
export class CopyValueError extends Error {
  override readonly name = "CopyValueError";
  /** Name of the column. */
  readonly column: string;
  /** Row in its batch, from 0. */
  readonly row: number;
  /** The whole row. */
  readonly tuple: Uint8Array;

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
  const fields = new Fields(block, buffers.length);
  let rows = options.rows;
  while (fields.next()) rows = decodeBatch(fields, buffers, rows, options.onBadRow);
  return rows;
}

/** Bytes of one field of a tuple, null for SQL NULL. */
export function fieldOf(tuple: Uint8Array, field: number): Uint8Array | null {
  let at = 2;
  for (let index = 0; index < field; index++) at += 4 + Math.max(0, int32At(tuple, at));
  const length = int32At(tuple, at);
  return length < 0 ? null : tuple.subarray(at + 4, at + 4 + length);
}

/** Decodes one batch; a bad row is taken out of the batch, which is then decoded again without it. */
function decodeBatch(
  fields: Fields,
  buffers: readonly ColumnBuffer[],
  rows: number,
  onBadRow: DecodeOptions["onBadRow"],
): number {
  const nulls = buffers.map((buffer) => buffer.nulls);
  for (;;) {
    try {
      buffers.forEach((buffer, column) => decodeColumn(fields, column, buffer, rows));
      return rows + fields.rows;
    } catch (error) {
      if (!(error instanceof CopyValueError) || onBadRow === undefined) throw error;
      onBadRow(error);
      buffers.forEach((buffer, column) => truncateRows(buffer, rows, nulls[column]));
      fields.remove(error.row);
    }
  }
}

/** Where the fields of the next batch of tuples are in a block. */
class Fields {
  readonly block: Uint8Array;
  /** Start of field [column * BATCH_ROWS + row]. */
  readonly starts: Int32Array;
  /** Its length in bytes, -1 for NULL. */
  readonly lengths: Int32Array;
  rows = 0;
  #columns: number;
  #position = 0;
  #ends = new Int32Array(BATCH_ROWS);
  #begins = new Int32Array(BATCH_ROWS);

  constructor(block: Uint8Array, columns: number) {
    this.block = block;
    this.#columns = columns;
    this.starts = new Int32Array(columns * BATCH_ROWS);
    this.lengths = new Int32Array(columns * BATCH_ROWS);
  }

  /** Moves on to the next tuples; false at the end of the block. */
  next(): boolean {
    const { block, starts, lengths } = this;
    const columns = this.#columns;
    let at = this.#position;
    let row = 0;
    for (; row < BATCH_ROWS && at < block.length; row++) {
      this.#begins[row] = at;
      const count = (block[at] << 8) | block[at + 1];
      if (count !== columns) throw new CopyFormatError(`a tuple has ${count} fields, not ${columns}`);
      at += 2;
      for (let slot = row; slot < columns * BATCH_ROWS; slot += BATCH_ROWS) {
        const length = (block[at] << 24) | (block[at + 1] << 16) | (block[at + 2] << 8) | block[at + 3];
        at += 4;
        starts[slot] = at;
        lengths[slot] = length;
        if (length > 0) at += length;
        else if (length < -1) throw new CopyFormatError(`a field has ${length} bytes`);
      }
      // One check a tuple: a read past the end gives undefined, which counts as 0 and cannot move `at` back.
      if (at > block.length) throw new CopyFormatError("the block ends inside a tuple");
      this.#ends[row] = at;
    }
    this.#position = at;
    this.rows = row;
    return row > 0;
  }

  /** Bytes of one tuple of the batch. */
  tuple(row: number): Uint8Array {
    return this.block.subarray(this.#begins[row], this.#ends[row]);
  }

  /** Takes one tuple out of the batch. */
  remove(row: number): void {
    for (let slot = 0; slot < this.#columns * BATCH_ROWS; slot += BATCH_ROWS) {
      this.starts.copyWithin(slot + row, slot + row + 1, slot + this.rows);
      this.lengths.copyWithin(slot + row, slot + row + 1, slot + this.rows);
    }
    this.#begins.copyWithin(row, row + 1, this.rows);
    this.#ends.copyWithin(row, row + 1, this.rows);
    this.rows--;
  }
}

/** Decodes value `row` of a batch, whose field starts at `start`, into slot `index` of the buffer. */
type DecodeValue = (block: Uint8Array, start: number, length: number, buffer: ColumnBuffer, index: number) => void;

function decodeColumn(fields: Fields, column: number, buffer: ColumnBuffer, rows: number): void {
  const { block, starts, lengths } = fields;
  const base = column * BATCH_ROWS;
  reserveRows(buffer, rows + fields.rows);
  const isText = buffer.column.layout === "text" || buffer.column.layout === "uuid";
  if (isText) return decodeText(fields, base, buffer, rows);
  const decode = DECODERS[buffer.column.layout];
  const { validity } = buffer;
  for (let row = 0; row < fields.rows; row++) {
    const length = lengths[base + row];
    if (length < 0) {
      buffer.nulls++;
      continue;
    }
    const index = rows + row;
    validity[index >> 3] |= 1 << (index & 7);
    try {
      decode(block, starts[base + row], length, buffer, index);
    } catch (error) {
      throw error instanceof ValueFinding
        ? new CopyValueError(buffer.column.name, row, fields.tuple(row), error.message)
        : error;
    }
  }
}

/** What is wrong with one value. */
class ValueFinding extends Error {}

function decodeText(fields: Fields, base: number, buffer: ColumnBuffer, rows: number): void {
  const { block, starts, lengths } = fields;
  const uuid = buffer.column.layout === "uuid";
  let at = buffer.offsets[rows];
  let size = at;
  for (let row = 0; row < fields.rows; row++) size += uuid ? UUID_TEXT_BYTES : Math.max(0, lengths[base + row]);
  if (size > 0x7fffffff) {
    throw new CopyFormatError(`column "${buffer.column.name}" has more than 2 GiB of text in one part`);
  }
  reserveBytes(buffer, size);
  const { values, offsets, validity } = buffer;
  for (let row = 0; row < fields.rows; row++) {
    const length = lengths[base + row];
    const index = rows + row;
    if (length < 0) buffer.nulls++;
    else {
      validity[index >> 3] |= 1 << (index & 7);
      at = uuid
        ? writeUuid(block, starts[base + row], length, values, at)
        : copyBytes(block, starts[base + row], length, values, at);
    }
    offsets[index + 1] = at;
  }
}

/** A short run is copied faster by hand than by making a view of it. */
function copyBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): number {
  if (length > 40) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i];
  return at + length;
}

const UUID_TEXT_BYTES = 36;
const HEX = new TextEncoder().encode("0123456789abcdef");
const HYPHEN = 0x2d;

function writeUuid(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): number {
  if (length !== 16) throw new CopyFormatError(`a uuid has ${length} bytes, not 16`);
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) to[at++] = HYPHEN;
    const byte = from[start + i];
    to[at++] = HEX[byte >> 4];
    to[at++] = HEX[byte & 15];
  }
  return at;
}

function int32At(block: Uint8Array, at: number): number {
  return (block[at] << 24) | (block[at + 1] << 16) | (block[at + 2] << 8) | block[at + 3];
}

function int16At(block: Uint8Array, at: number): number {
  return ((block[at] << 24) >> 16) | block[at + 1];
}

function expectLength(length: number, expected: number): void {
  if (length !== expected) throw new CopyFormatError(`a field has ${length} bytes, not ${expected}`);
}

const DECODERS: Readonly<Record<Exclude<Layout, "text" | "uuid">, DecodeValue>> = {
  int64: decodeInt64,
  float64: decodeInt64,
  int32(block, start, length, { words }, index) {
    expectLength(length, 4);
    words[index] = int32At(block, start);
  },
  bool(block, start, length, { values }, index) {
    expectLength(length, 1);
    if (block[start] !== 0) values[index >> 3] |= 1 << (index & 7);
  },
  timestamp(block, start, length, { words }, index) {
    expectLength(length, 8);
    const high = int32At(block, start);
    const low = int32At(block, start + 4) >>> 0;
    if ((high === 0x7fffffff && low === 0xffffffff) || (high === -0x80000000 && low === 0)) {
      throw new ValueFinding("is infinite, which a Parquet timestamp cannot be");
    }
    const sum = low + EPOCH_LOW;
    const top = high + EPOCH_HIGH + (sum > 0xffffffff ? 1 : 0);
    // The last 30 years that Postgres knows are past 2^63, whose predecessor stands for infinity.
    if (top > 0x7fffffff || (top === 0x7fffffff && (sum | 0) === -1)) {
      throw new ValueFinding("is later than a Parquet timestamp can be");
    }
    words[2 * index] = sum | 0;
    words[2 * index + 1] = top;
  },
  decimal: decodeDecimal,
};

/** Integers and floats alike: eight bytes turned round, by halves. */
function decodeInt64(block: Uint8Array, start: number, length: number, { words }: ColumnBuffer, index: number): void {
  expectLength(length, 8);
  words[2 * index] = int32At(block, start + 4);
  words[2 * index + 1] = int32At(block, start);
}

const NUMERIC_NEGATIVE = 0x4000;
const POWERS_OF_TEN = [1, 10, 100, 1000, 10_000];

/** numeric (base-10000 digits, weight, sign) as a 128-bit integer of units of 10^-scale. */
function decodeDecimal(block: Uint8Array, start: number, length: number, buffer: ColumnBuffer, index: number): void {
  const { precision, scale } = buffer.column;
  const digits = int16At(block, start);
  if (length < 8 || length !== 8 + 2 * digits) {
    throw new CopyFormatError(`a numeric of ${digits} digits has ${length} bytes`);
  }
  const sign = int16At(block, start + 4) & 0xffff;
  if (sign !== 0 && sign !== NUMERIC_NEGATIVE) {
    throw new ValueFinding(`is NaN or infinite, which DECIMAL(${precision},${scale}) cannot hold`);
  }
  const limbs = buffer.words.subarray(4 * index, 4 * index + 4);
  limbs.fill(0);
  let left = (int16At(block, start + 2) + 1) * 4 + scale;
  for (let digit = 0; digit < digits; digit++, left -= 4) {
    appendDigit(limbs, int16At(block, start + 8 + 2 * digit), Math.min(left, 4));
  }
  for (; left > 0 && limbs.some((limb) => limb !== 0); left -= 4) appendDigit(limbs, 0, Math.min(left, 4));
  if (isTooBig(limbs, precision)) throw new ValueFinding(`has more digits than DECIMAL(${precision},${scale}) holds`);
  if (sign === NUMERIC_NEGATIVE) negate(limbs);
}

/** limbs = limbs * 10^decimals + the leading `decimals` of the four decimals of a base-10000 digit. */
function appendDigit(limbs: Int32Array, digit: number, decimals: number): void {
  const cut = POWERS_OF_TEN[4 - Math.max(decimals, 0)];
  if (digit % cut !== 0 || (decimals <= 0 && digit !== 0)) {
    throw new ValueFinding("has more digits after the point than its type");
  }
  if (decimals <= 0) return;
  const factor = POWERS_OF_TEN[decimals];
  let carry = digit / cut;
  for (let i = 0; i < 4; i++) {
    const product = (limbs[i] >>> 0) * factor + carry;
    limbs[i] = product % 0x100000000 | 0;
    carry = Math.floor(product / 0x100000000);
  }
  if (carry !== 0) throw new ValueFinding("has more than 38 digits");
}

function isTooBig(limbs: Int32Array, precision: number): boolean {
  const limit = LIMITS[precision];
  for (let i = 3; i >= 0; i--) {
    const limb = limbs[i] >>> 0;
    if (limb !== limit[i]) return limb > limit[i];
  }
  return true;
}

/** 10^precision by 32-bit limbs, low first. */
const LIMITS = Array.from({ length: 39 }, (_, precision) => {
  const limit = 10n ** BigInt(precision);
  return [0n, 32n, 64n, 96n].map((shift) => Number((limit >> shift) & 0xffffffffn));
});

function negate(limbs: Int32Array): void {
  let carry = 1;
  for (let i = 0; i < 4; i++) {
    const sum = (~limbs[i] >>> 0) + carry;
    limbs[i] = sum | 0;
    carry = sum > 0xffffffff ? 1 : 0;
  }
}
