import { Builder } from "flatbuffers";
import type { ColumnBuffer } from "../copy/column_buffer.ts";
import { WIDTH } from "../copy/column_buffer.ts";
import type { Column, Layout } from "../dataset/dataset.ts";

/** An Arrow IPC stream of one schema and one record batch, ready to be laid out anywhere. */
export interface ArrowStream {
  /** Size of the whole stream. */
  readonly sizeBytes: number;
  /** Writes the stream into exactly `sizeBytes` bytes. */
  write(target: Uint8Array): void;
}

/** Numbers of the Arrow format's flatbuffers. Source: format/Schema.fbs and format/Message.fbs of Apache Arrow. */
const METADATA_V5 = 4;
const HEADER_SCHEMA = 1;
const HEADER_RECORD_BATCH = 3;
const TYPE = { int: 2, floatingPoint: 3, utf8: 5, bool: 6, decimal: 7, date: 8, timestamp: 10 } as const;
const PRECISION_DOUBLE = 2;
const UNIT_MICROSECOND = 2;
const UNIT_DAY = 0;
const UNIT_MILLISECOND = 1;

/** The stream of the first `rows` rows of some column buffers; they must not change before it is written.
 *
 * Source: Apache Arrow columnar format, "IPC Streaming Format".
 */
export function arrowStream(buffers: readonly ColumnBuffer[], rows: number): ArrowStream {
  const parts = buffers.flatMap((buffer) => bodyParts(buffer, rows));
  const bodySize = parts.reduce((sum, part) => sum + aligned(part.length), 0);
  const messages = [
    schemaMessage(buffers.map((buffer) => buffer.column)),
    batchMessage(buffers, rows, parts, bodySize),
  ];
  const end = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
  return {
    sizeBytes: messages[0].length + messages[1].length + bodySize + end.length,
    write(target) {
      let at = 0;
      for (const message of messages) {
        target.set(message, at);
        at += message.length;
      }
      for (const part of parts) {
        target.set(part, at);
        target.fill(0, at + part.length, at + aligned(part.length));
        at += aligned(part.length);
      }
      target.set(end, at);
    },
  };
}

/** Validity, offsets where there are any, and values: the buffers of one column, without their padding. */
function bodyParts(buffer: ColumnBuffer, rows: number): Uint8Array[] {
  const validity = buffer.nulls === 0 ? new Uint8Array(0) : buffer.validity.subarray(0, (rows + 7) >> 3);
  const width = WIDTH[buffer.column.layout];
  if (width > 0) return [validity, buffer.values.subarray(0, Math.ceil(rows * width))];
  const offsets = new Uint8Array(buffer.offsets.buffer, 0, 4 * (rows + 1));
  return [validity, offsets, buffer.values.subarray(0, buffer.offsets[rows])];
}

function aligned(sizeBytes: number): number {
  return (sizeBytes + 7) & ~7;
}

/** Continuation marker, length and flatbuffer of one message, padded to eight bytes. */
function frame(builder: Builder, headerType: number, header: number, bodySize: number): Uint8Array {
  builder.startObject(5);
  builder.addFieldInt64(3, BigInt(bodySize), 0n);
  builder.addFieldOffset(2, header, 0);
  builder.addFieldInt16(0, METADATA_V5, 0);
  builder.addFieldInt8(1, headerType, 0);
  builder.finish(builder.endObject());
  const bytes = builder.asUint8Array();
  const framed = new Uint8Array(aligned(8 + bytes.length));
  const view = new DataView(framed.buffer);
  view.setUint32(0, 0xffffffff);
  view.setUint32(4, framed.length - 8, true);
  framed.set(bytes, 8);
  return framed;
}

function schemaMessage(columns: readonly Column[]): Uint8Array {
  const builder = new Builder(1024);
  const fields = columns.map((column) => addField(builder, column));
  const list = addVector(builder, 4, 4, fields, (field) => builder.addOffset(field));
  builder.startObject(4);
  builder.addFieldOffset(1, list, 0);
  return frame(builder, HEADER_SCHEMA, builder.endObject(), 0);
}

function addField(builder: Builder, column: Column): number {
  const name = builder.createString(column.name);
  const children = addVector(builder, 4, 4, [], () => {});
  const [typeNumber, type] = ADD_TYPE[column.layout](builder, column);
  builder.startObject(7);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldInt8(1, 1, 0);
  builder.addFieldInt8(2, typeNumber, 0);
  builder.addFieldOffset(3, type, 0);
  builder.addFieldOffset(5, children, 0);
  return builder.endObject();
}

type AddType = (builder: Builder, column: Column) => [number, number];

const addUtf8: AddType = (builder) => {
  builder.startObject(0);
  return [TYPE.utf8, builder.endObject()];
};

const addInt = (bits: number): AddType => (builder) => {
  builder.startObject(2);
  builder.addFieldInt32(0, bits, 0);
  builder.addFieldInt8(1, 1, 0);
  return [TYPE.int, builder.endObject()];
};

const ADD_TYPE: Readonly<Record<Layout, AddType>> = {
  text: addUtf8,
  uuid: addUtf8,
  int64: addInt(64),
  int32: addInt(32),
  float64(builder) {
    builder.startObject(1);
    builder.addFieldInt16(0, PRECISION_DOUBLE, 0);
    return [TYPE.floatingPoint, builder.endObject()];
  },
  bool(builder) {
    builder.startObject(0);
    return [TYPE.bool, builder.endObject()];
  },
  decimal(builder, { precision, scale }) {
    builder.startObject(3);
    builder.addFieldInt32(0, precision, 0);
    builder.addFieldInt32(1, scale, 0);
    return [TYPE.decimal, builder.endObject()];
  },
  timestamp(builder) {
    const zone = builder.createString("UTC");
    builder.startObject(2);
    builder.addFieldInt16(0, UNIT_MICROSECOND, 0);
    builder.addFieldOffset(1, zone, 0);
    return [TYPE.timestamp, builder.endObject()];
  },
  date(builder) {
    builder.startObject(1);
    // Milliseconds are the default, and left out.
    builder.addFieldInt16(0, UNIT_DAY, UNIT_MILLISECOND);
    return [TYPE.date, builder.endObject()];
  },
};

function batchMessage(
  columns: readonly ColumnBuffer[],
  rows: number,
  parts: readonly Uint8Array[],
  bodySize: number,
): Uint8Array {
  const builder = new Builder(1024);
  const offsets: { offset: number; length: number }[] = [];
  let offset = 0;
  for (const { length } of parts) {
    offsets.push({ offset, length });
    offset += aligned(length);
  }
  const buffers = addVector(builder, 16, 8, offsets, (part) => addInt64Pair(builder, part.offset, part.length));
  const nodes = addVector(builder, 16, 8, columns, (column) => addInt64Pair(builder, rows, column.nulls));
  builder.startObject(5);
  builder.addFieldInt64(0, BigInt(rows), 0n);
  builder.addFieldOffset(1, nodes, 0);
  builder.addFieldOffset(2, buffers, 0);
  return frame(builder, HEADER_RECORD_BATCH, builder.endObject(), bodySize);
}

/** A struct of two int64; flatbuffers grow downward, so the last member goes first. */
function addInt64Pair(builder: Builder, first: number, second: number): void {
  builder.prep(8, 16);
  builder.writeInt64(BigInt(second));
  builder.writeInt64(BigInt(first));
}

function addVector<T>(
  builder: Builder,
  itemSize: number,
  alignment: number,
  items: readonly T[],
  add: (item: T) => void,
): number {
  builder.startVector(itemSize, items.length, alignment);
  for (const item of items.toReversed()) add(item);
  return builder.endVector();
}
