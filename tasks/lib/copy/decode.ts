import { type ColumnBuffer, reserveRows, truncateRows } from "./column_buffer.ts";
import { Batch, STRIDE } from "./batch.ts";
import { DECODE } from "./columns.ts";
import { CopyFormatError, CopyValueError } from "./errors.ts";

/** Bytes before the first tuple: signature, flags and extension length. */
export const HEADER_BYTES = 19;

/** Bytes after the last tuple: a field count of -1. */
export const TRAILER_BYTES = 2;

const SIGNATURE = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00];

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
