import { Buffer } from "node:buffer";
import { type ColumnBuffer, WIDTH } from "../copy/column_buffer.ts";
import type { Column, Layout } from "../dataset/dataset.ts";
import type { ReadColumn, ReadFile } from "./arrow_reader.ts";

/** What was written into a file. */
export interface Written {
  readonly buffers: readonly ColumnBuffer[];
  /** How many of their values, from the first one on. */
  readonly rows: number;
}

/** Types as Arrow's C data interface writes them. */
const FORMATS: Readonly<Record<Layout, (column: Column) => string>> = {
  text: () => "u",
  uuid: () => "u",
  int64: () => "l",
  int32: () => "i",
  float64: () => "g",
  bool: () => "b",
  decimal: ({ precision, scale }) => `d:${precision},${scale}`,
  timestamp: () => "tsu:UTC",
  date: () => "tdD",
};

/** Compares all that a reader has found in a file with what was written.
 *
 * Errors: Error naming the column with a difference, or how many rows there are.
 */
export function expectReadsBack({ rows: found, columns }: Omit<ReadFile, keyof Disposable>, written: Written): void {
  const { buffers, rows } = written;
  const wanted = buffers.map(({ column }) => [column.name, FORMATS[column.layout](column)]);
  const types = columns.map(({ name, format }) => [name, format]);
  if (JSON.stringify(types) !== JSON.stringify(wanted)) throw new Error("other columns or types read back");
  if (found !== rows) throw new Error(`${found} of ${rows} written rows read back`);
  for (const [index, buffer] of buffers.entries()) {
    if (columns[index].rows === rows && isSame(buffer, columns[index])) continue;
    throw new Error(`column "${buffer.column.name}" does not read back as it was written`);
  }
}

/** Whether a column has the values of a buffer. */
function isSame(buffer: ColumnBuffer, read: ReadColumn): boolean {
  const { layout } = buffer.column;
  if (!haveSameNulls(buffer, read)) return false;
  if (layout === "bool") return haveSameBits(buffer, read);
  if (WIDTH[layout] === 0) return haveSameTexts(buffer, read);
  if (read.nulls > 0) return haveSameWords(buffer, read);
  const end = read.rows * WIDTH[layout];
  return areEqual(buffer.values.subarray(0, end), read.values.subarray(0, end));
}

function bitAt(bits: Uint8Array, at: number): number {
  return bits[at >> 3] >> (at & 7) & 1;
}

/** Behind the last row there are any bits. */
function haveSameNulls({ nulls, validity }: ColumnBuffer, read: ReadColumn): boolean {
  if (nulls === 0 || read.nulls === 0) return nulls === read.nulls;
  const whole = read.rows >> 3;
  if (!areEqual(validity.subarray(0, whole), read.validity.subarray(0, whole))) return false;
  for (let row = 8 * whole; row < read.rows; row++) {
    if (bitAt(validity, row) !== bitAt(read.validity, row)) return false;
  }
  return true;
}

function haveSameBits({ values, validity }: ColumnBuffer, read: ReadColumn): boolean {
  for (let row = 0; row < read.rows; row++) {
    if (bitAt(validity, row) !== 0 && bitAt(values, row) !== bitAt(read.values, row)) return false;
  }
  return true;
}

/** Of NULLs it has any bytes. */
function haveSameWords({ column, words, validity }: ColumnBuffer, read: ReadColumn): boolean {
  const width = WIDTH[column.layout] / 4;
  const theirs = new Int32Array(read.values.buffer, read.values.byteOffset, read.rows * width);
  for (let row = 0; row < read.rows; row++) {
    if (bitAt(validity, row) === 0) continue;
    for (let word = width * row; word < width * (row + 1); word++) if (words[word] !== theirs[word]) return false;
  }
  return true;
}

/** Of NULLs neither has bytes: where all ends are the same, the texts are as long, and their bytes stand in line. */
function haveSameTexts({ values, offsets }: ColumnBuffer, read: ReadColumn): boolean {
  const start = read.offsets[0];
  for (let row = 1; row <= read.rows; row++) if (offsets[row] !== read.offsets[row] - start) return false;
  const size = offsets[read.rows];
  return areEqual(values.subarray(0, size), read.values.subarray(start, start + size));
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
