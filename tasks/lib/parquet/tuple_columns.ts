import { type ColumnBuffer, createBuffer, truncateRows } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { CopyFormatError, CopyValueError } from "../copy/errors.ts";
import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import type { BadRow } from "../dataset/source.ts";
import { TaskError } from "../task/errors.ts";
import { badRowError, badRowOf } from "./bad_row.ts";

/** What tuples are, and what is done about those that cannot be written. */
export interface TupleOptions {
  /** What is written; a tuple has its fields in `fieldOrder`. */
  readonly dataset: Pick<Dataset, "columns" | "day" | "label" | "sort" | "hasSources">;
  /** Called with each row that has no representation, which is then left out; without it the chunk fails. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** Before every day. */
const FIRST_INSTANT = -(1n << 63n);

/** The rows of a chunk as columns, in memory that is used again. */
export class TupleColumns {
  /** In the order of the dataset's columns. */
  readonly buffers: readonly ColumnBuffer[];
  /** How many rows there are. */
  rows = 0;
  /** Whether each block of the chunk has begun with the instant that the one before has ended with, or a later one. */
  isOrdered = true;
  #options: TupleOptions;
  /** The buffers in the order of a tuple's fields. */
  #fields: readonly ColumnBuffer[];
  #last = FIRST_INSTANT;

  constructor(options: TupleOptions) {
    this.#options = options;
    this.buffers = options.dataset.columns.map(createBuffer);
    this.#fields = fieldOrder(options.dataset).map(({ name }) =>
      this.buffers.find(({ column }) => column.name === name)!
    );
  }

  /** Appends the tuples of a block.
   *
   * Errors: TaskError naming column and row for a value without a representation.
   */
  add(block: Uint8Array): void {
    const before = this.rows;
    this.rows = this.#decode(block);
    if (this.rows === before) return;
    this.isOrdered &&= this.#instantOf(before) >= this.#last;
    this.#last = this.#instantOf(this.rows - 1);
  }

  /** Forgets the rows: the chunk goes on. */
  clear(): void {
    this.rows = 0;
    for (const buffer of this.buffers) truncateRows(buffer, 0, 0);
  }

  /** Forgets the rows: another chunk begins. */
  restart(): void {
    this.clear();
    [this.isOrdered, this.#last] = [true, FIRST_INSTANT];
  }

  #decode(block: Uint8Array): number {
    const { dataset, onBadRow } = this.#options;
    const leaveOut = onBadRow && ((error: CopyValueError) => onBadRow(badRowOf(error, dataset)));
    try {
      return decodeTuples(block, this.#fields, { rows: this.rows, onBadRow: leaveOut });
    } catch (error) {
      if (error instanceof CopyFormatError) {
        throw new TaskError(`Cannot read rows: ${error.message}; run the export again`);
      }
      throw error instanceof CopyValueError ? badRowError(badRowOf(error, dataset), dataset) : error;
    }
  }

  #instantOf(row: number): bigint {
    const [{ column, words, values }] = this.#fields;
    return column.layout === "date" ? BigInt(words[row]) : new DataView(values.buffer).getBigInt64(8 * row, true);
  }
}
