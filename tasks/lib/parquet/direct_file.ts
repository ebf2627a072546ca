import type { ColumnBuffer } from "../copy/column_buffer.ts";
import { ColumnPages } from "./column_pages.ts";
import { formatFooter, PARQUET_MAGIC } from "./footer.ts";
import { binary, FILE, GROUP, int32, int64, list, struct } from "./format.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { schemaOf } from "./schema.ts";
import { THRIFT } from "./thrift.ts";

/** In the form that readers take apart, where they know faults of some writers. */
const CREATED_BY = "heretix-lane version 1.0.0";

/** Makes Parquet files of one row group straight from column buffers, in memory that is used again. */
export class DirectFile {
  #pages = new ColumnPages();
  #file = new GrowingBytes();

  /** The file of the first `rows` values of each buffer, valid until the next call.
   *
   * Errors: RangeError where a column is too large for one row group.
   */
  write(buffers: readonly ColumnBuffer[], rows: number): Uint8Array<ArrayBuffer> {
    const file = this.#file;
    file.size = 0;
    file.append(PARQUET_MAGIC);
    const start = file.size;
    const chunks = buffers.map((buffer) => this.#pages.append(file, buffer, rows));
    const group = struct([
      [GROUP.columns, list(THRIFT.struct, chunks.map((chunk) => chunk.struct))],
      [GROUP.sizeBytes, int64(chunks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))],
      [GROUP.rows, int64(rows)],
      [GROUP.offset, int64(start)],
    ]);
    const like = struct([
      [FILE.version, int32(1)],
      [FILE.schema, schemaOf(buffers.map(({ column }) => column))],
      [FILE.createdBy, binary(CREATED_BY)],
    ]);
    file.append(formatFooter({ struct: like, groups: [] }, [{ rows, struct: group }]));
    return file.taken();
  }
}
