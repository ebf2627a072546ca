import { type ColumnBuffer, reserveBytes } from "./column_buffer.ts";
import { type Batch } from "./batch.ts";
import { CopyFormatError, CopyValueError } from "./errors.ts";
import { decodeDecimal } from "./numeric.ts";
import type { Layout } from "../dataset/dataset.ts";

/** Microseconds from 1970, where Arrow's timestamps start, to 2000, where Postgres's do. */
export const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;

/** The same in days. */
export const POSTGRES_EPOCH_DAYS = 10_957;

const EPOCH_LOW = Number(POSTGRES_EPOCH_MICROS & 0xffffffffn);
const EPOCH_HIGH = Number(POSTGRES_EPOCH_MICROS >> 32n);

/** Decodes the values of a batch whose slots start at `base` into a buffer, from row `first` on.
 *
 * One function a layout, each with its own loop: a shared one would call an unknown function for every value.
 */
export type DecodeColumn = (batch: Batch, base: number, buffer: ColumnBuffer, first: number) => void;

/** The decoder of each layout. */
export const DECODE: Readonly<Record<Layout, DecodeColumn>> = {
  int64: decodeEightBytes,
  float64: decodeEightBytes,
  int32: decodeFourBytes,
  bool: decodeBool,
  timestamp: decodeTimestamp,
  date: decodeDate,
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

function decodeDate(batch: Batch, base: number, buffer: ColumnBuffer, first: number): void {
  const { view, starts, rows } = batch;
  const { words, validity } = buffer;
  for (let row = 0, index = first; row < rows; row++, index++) {
    const start = starts[base + row];
    if (start < 0) {
      buffer.nulls++;
      continue;
    }
    expectLength(view, start, 4);
    validity[index >> 3] |= 1 << (index & 7);
    const days = view.getInt32(start);
    if (days === 0x7fffffff || days === -0x80000000) {
      throw valueError(batch, row, buffer, "is infinite, which a Parquet date cannot be");
    }
    // The last day that Postgres knows is 2,145,031,948 days after its epoch: the sum fits.
    words[index] = days + POSTGRES_EPOCH_DAYS;
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
    throw new CopyFormatError(`column "${buffer.column.name}" has more than 2 GiB of text in one row group`);
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
