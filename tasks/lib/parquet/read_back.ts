import { Buffer } from "node:buffer";
import { type ColumnBuffer, WIDTH } from "../copy/column_buffer.ts";
import { type ColumnBatch, readBatch } from "./arrow.ts";
import type { DuckDb } from "./duckdb.ts";

/** What was written into a file. */
export interface Written {
  readonly buffers: readonly ColumnBuffer[];
  /** How many of their values, from the first one on. */
  readonly rows: number;
}

/** Has DuckDB read a file of `memory/`, and compares all that it finds with what was written.
 *
 * Errors: Error naming the column with a difference, or how many rows there are.
 */
export function expectReadsBack(db: Pick<DuckDb, "batches">, path: string, { buffers, rows }: Written): void {
  let first = 0;
  for (const stream of db.batches(`select * from read_parquet('${path}')`)) {
    const batches = readBatch(stream, buffers.map(({ column }) => column));
    const [{ rows: count }] = batches;
    if (first + count > rows) break;
    for (const [index, buffer] of buffers.entries()) {
      if (isSame(buffer, first, batches[index])) continue;
      throw new Error(`column "${buffer.column.name}" does not read back as it was written`);
    }
    first += count;
  }
  if (first !== rows) throw new Error(`DuckDB reads ${first} of ${rows} written rows`);
}

/** Whether a batch has the values of a buffer from row `first` on. */
function isSame(buffer: ColumnBuffer, first: number, batch: ColumnBatch): boolean {
  const { layout } = buffer.column;
  if (!haveSameNulls(buffer, first, batch)) return false;
  if (layout === "bool") return haveSameBits(buffer, first, batch);
  if (WIDTH[layout] === 0) return haveSameTexts(buffer, first, batch);
  if (batch.nulls > 0) return haveSameWords(buffer, first, batch);
  const [start, end] = [first, first + batch.rows].map((row) => row * WIDTH[layout]);
  return areEqual(buffer.values.subarray(start, end), batch.values.subarray(0, end - start));
}

function bitAt(bits: Uint8Array, at: number): number {
  return bits[at >> 3] >> (at & 7) & 1;
}

/** Eight values at a time, where both bytes hold no others. */
function haveSameNulls({ nulls, validity }: ColumnBuffer, first: number, batch: ColumnBatch): boolean {
  if (nulls === 0) return batch.nulls === 0;
  for (let row = 0; row < batch.rows;) {
    const isWhole = ((first | row) & 7) === 0 && row + 8 <= batch.rows;
    const ours = isWhole ? validity[first + row >> 3] : bitAt(validity, first + row);
    const theirs = isWhole ? batch.validity[row >> 3] : bitAt(batch.validity, row);
    if (ours !== (batch.nulls > 0 ? theirs : isWhole ? 255 : 1)) return false;
    row += isWhole ? 8 : 1;
  }
  return true;
}

function haveSameBits({ values, validity }: ColumnBuffer, first: number, batch: ColumnBatch): boolean {
  for (let row = 0; row < batch.rows; row++) {
    if (bitAt(validity, first + row) === 0) continue;
    if (bitAt(values, first + row) !== bitAt(batch.values, row)) return false;
  }
  return true;
}

/** Of NULLs the batch has any bytes. */
function haveSameWords({ column, words, validity }: ColumnBuffer, first: number, batch: ColumnBatch): boolean {
  const width = WIDTH[column.layout] / 4;
  const theirs = new Int32Array(batch.values.buffer, batch.values.byteOffset, batch.rows * width);
  for (let row = 0; row < batch.rows; row++) {
    if (bitAt(validity, first + row) === 0) continue;
    for (let word = 0; word < width; word++) {
      if (words[width * (first + row) + word] !== theirs[width * row + word]) return false;
    }
  }
  return true;
}

/** Of NULLs neither has bytes: where all ends are the same, the texts are as long, and their bytes stand in line. */
function haveSameTexts({ values, offsets }: ColumnBuffer, first: number, batch: ColumnBatch): boolean {
  const shift = offsets[first] - batch.offsets[0];
  for (let row = 1; row <= batch.rows; row++) {
    if (offsets[first + row] !== batch.offsets[row] + shift) return false;
  }
  const end = batch.offsets[batch.rows];
  return areEqual(
    values.subarray(offsets[first], offsets[first + batch.rows]),
    batch.values.subarray(batch.offsets[0], end),
  );
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
