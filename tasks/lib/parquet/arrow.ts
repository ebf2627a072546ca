import {
  Batch,
  bool,
  Column as ArrowColumn,
  type DataType,
  dateDay,
  decimal128,
  Endianness,
  field,
  float64,
  int32,
  int64,
  Table,
  tableToIPC,
  timestamp,
  TimeUnit,
  utf8,
  Version,
} from "@uwdata/flechette";
import { type ColumnBuffer, WIDTH } from "../copy/column_buffer.ts";
import type { Column, Layout } from "../dataset/dataset.ts";

/** An Arrow IPC stream of one schema and one record batch, ready to be laid out anywhere. */
export interface ArrowStream {
  readonly sizeBytes: number;
  /** Writes the stream into exactly `sizeBytes` bytes. */
  write(target: Uint8Array): void;
}

/** The stream of the first `rows` rows of some column buffers; they must not change before it is written.
 *
 * Source: Apache Arrow columnar format, "IPC Streaming Format".
 */
export function arrowStream(buffers: readonly ColumnBuffer[], rows: number): ArrowStream {
  const fields = buffers.map(({ column }) => field(column.name, TYPES[column.layout](column)));
  const columns = buffers.map((buffer, index) => new ArrowColumn([toBatch(buffer, rows, fields[index].type)]));
  const schema = { version: Version.V5, endianness: Endianness.Little, fields, metadata: null };
  // Values are not copied before they are written: what comes are views of the buffers.
  const parts: Uint8Array[] = [];
  const pad = (sizeBytes: number) => void parts.push(new Uint8Array(sizeBytes));
  const sink = { write: (bytes: Uint8Array) => void parts.push(bytes), pad, finish: () => null };
  tableToIPC(new Table(schema, columns), { format: "stream", sink });
  return {
    sizeBytes: parts.reduce((sum, part) => sum + part.length, 0),
    write(target) {
      let at = 0;
      for (const part of parts) {
        target.set(part, at);
        at += part.length;
      }
    },
  };
}

const TYPES: Readonly<Record<Layout, (column: Column) => DataType>> = {
  text: utf8,
  uuid: utf8,
  int64,
  int32,
  float64,
  bool,
  decimal: ({ precision, scale }) => decimal128(precision, scale),
  timestamp: () => timestamp(TimeUnit.MICROSECOND, "UTC"),
  date: dateDay,
};

/** The first rows of a buffer: validity, which is left out where nothing is NULL, offsets where there are any, values. */
function toBatch(
  { column, nulls, validity, values, offsets }: ColumnBuffer,
  rows: number,
  type: DataType,
): Batch<unknown> {
  const isFixed = WIDTH[column.layout] > 0;
  return new Batch({
    type,
    length: rows,
    nullCount: nulls,
    validity: validity.subarray(0, nulls === 0 ? 0 : (rows + 7) >> 3),
    offsets: isFixed ? undefined : offsets.subarray(0, rows + 1),
    values: values.subarray(0, isFixed ? Math.ceil(rows * WIDTH[column.layout]) : offsets[rows]),
  });
}
