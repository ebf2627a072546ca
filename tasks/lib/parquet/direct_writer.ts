import type { ColumnBuffer } from "../copy/column_buffer.ts";
import { SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";
import { sha256 } from "../task/digest.ts";
import { readFile } from "./arrow_reader.ts";
import type { Chunk } from "./chunk.ts";
import { DirectFile } from "./direct_file.ts";
import { splitFile } from "./footer.ts";
import { expectReadsBack } from "./read_back.ts";
import { TupleColumns, type TupleOptions } from "./tuple_columns.ts";

/** Makes one chunk after another without an engine: tuples in order in, a verified Parquet file of one row group out.
 *
 * Errors: as `ChunkWriter`; Error for rows that do not come in order.
 */
export class DirectWriter {
  #hasSources: boolean;
  #columns: TupleColumns;
  #file = new DirectFile();
  #read: typeof readFile;

  /** `read` is the second hand, by which all that was written is read back. */
  constructor(options: TupleOptions, read: typeof readFile = readFile) {
    this.#hasSources = options.dataset.hasSources;
    this.#columns = new TupleColumns(options);
    this.#read = read;
  }

  addTuples(block: Uint8Array): void {
    this.#columns.add(block);
  }

  /** Writes and verifies the chunk; undefined where it has no rows. */
  finish(): Chunk | undefined {
    const { buffers, rows, isOrdered } = this.#columns;
    if (rows === 0) return undefined;
    if (!isOrdered) throw new Error("the rows do not come in order");
    const bytes = this.#file.write(buffers, rows);
    using found = this.#read(bytes, rows);
    expectReadsBack(found, { buffers, rows });
    const counts = this.#hasSources ? countSources(buffers, rows) : { postgres: rows, sqlite: 0 };
    this.#columns.restart();
    return { rows: counts, sha256: sha256(splitFile(bytes).rowGroups), bytes };
  }
}

/** How many rows each kind of source has, by the column that says so. */
function countSources(buffers: readonly ColumnBuffer[], rows: number): Readonly<Record<SourceKind, number>> {
  const { values, offsets } = buffers.find(({ column }) => column.name === "source")!;
  const counts = { postgres: 0, sqlite: 0 };
  for (const kind of SOURCE_KINDS) {
    const name = new TextEncoder().encode(kind);
    for (let row = 0; row < rows; row++) {
      const start = offsets[row];
      if (offsets[row + 1] - start === name.length && name.every((byte, i) => values[start + i] === byte)) {
        counts[kind]++;
      }
    }
  }
  return counts;
}
