import { constants, crc32, zstdCompressSync } from "node:zlib";
import type { ColumnBuffer } from "../copy/column_buffer.ts";
import { type Dictionary, DictionaryBuilder } from "./dictionary.ts";
import {
  binary,
  CHUNK,
  COLUMN,
  ENCODING,
  int32,
  int64,
  list,
  nested,
  PAGE,
  PAGE_TYPE,
  PAGE_VALUES,
  struct,
  ZSTD,
} from "./format.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { appendIndices, appendLevels } from "./hybrid.ts";
import { type PackedValues, Packer } from "./packed_values.ts";
import { appendPlain } from "./plain.ts";
import { statisticsOf } from "./statistics.ts";
import { encodeThrift, THRIFT, type ThriftField, type ThriftStruct } from "./thrift.ts";

/** Higher levels take longer and save nothing. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A column of one row group as it stands in the file. */
export interface ColumnChunk {
  /** ColumnChunk. */
  readonly struct: ThriftStruct;
  /** Bytes of its pages with their headers, before compression. */
  readonly sizeBytes: number;
}

/** Writes columns as pages: one of data, behind one of a dictionary where the values are few. */
export class ColumnPages {
  #packer = new Packer();
  #dictionaries = new DictionaryBuilder();
  #page = new GrowingBytes();

  /** Appends the first `rows` values of a buffer to a file. */
  append(file: GrowingBytes, buffer: ColumnBuffer, rows: number): ColumnChunk {
    const values = this.#packer.pack(buffer, rows);
    const dictionary = this.#dictionaries.build(values);
    const start = file.size;
    let uncompressed = 0;
    if (dictionary !== undefined) uncompressed += this.#appendDictionary(file, dictionary.entries);
    const dataStart = file.size;
    uncompressed += this.#appendData(file, { buffer, rows, values, dictionary });
    const encodings = [ENCODING.plain, ENCODING.rle, ...(dictionary ? [ENCODING.dictionary] : [])];
    const meta = nested(
      [COLUMN.type, int32(values.physical.type)],
      [COLUMN.encodings, list(THRIFT.int32, encodings.map(BigInt))],
      [COLUMN.path, list(THRIFT.binary, [binary(buffer.column.name).value])],
      [COLUMN.codec, int32(ZSTD)],
      [COLUMN.values, int64(rows)],
      [COLUMN.uncompressed, int64(uncompressed)],
      [COLUMN.compressed, int64(file.size - start)],
      [COLUMN.dataPage, int64(dataStart)],
      ...(dictionary ? [[COLUMN.dictionary, int64(start)] as const] : []),
      [COLUMN.statistics, statisticsOf(dictionary?.entries ?? values, buffer.nulls)],
    );
    return { struct: struct([[CHUNK.offset, int64(0)], [CHUNK.meta, meta]]), sizeBytes: uncompressed };
  }

  #appendDictionary(file: GrowingBytes, entries: PackedValues): number {
    this.#page.size = 0;
    appendPlain(this.#page, entries);
    return this.#appendPage(file, PAGE_TYPE.dictionary, [
      PAGE.dictionary,
      nested([PAGE_VALUES.count, int32(entries.count)], [PAGE_VALUES.encoding, int32(ENCODING.plain)]),
    ]);
  }

  #appendData(file: GrowingBytes, { buffer, rows, values, dictionary }: PageContents): number {
    const page = this.#page;
    page.size = 0;
    appendLevels(page, buffer, rows);
    if (dictionary === undefined) appendPlain(page, values);
    else appendIndices(page, dictionary.indices, { count: values.count, entries: dictionary.entries.count });
    return this.#appendPage(file, PAGE_TYPE.data, [
      PAGE.data,
      nested(
        [PAGE_VALUES.count, int32(rows)],
        [PAGE_VALUES.encoding, int32(dictionary === undefined ? ENCODING.plain : ENCODING.dictionary)],
        [PAGE_VALUES.definitionLevels, int32(ENCODING.rle)],
        [PAGE_VALUES.repetitionLevels, int32(ENCODING.rle)],
      ),
    ]);
  }

  /** Compresses the page and tells its size before that, with its header. */
  #appendPage(file: GrowingBytes, type: number, kind: readonly [id: number, field: ThriftField]): number {
    const bytes = zstdCompressSync(this.#page.taken(), COMPRESSION);
    const header = encodeThrift(struct([
      [PAGE.type, int32(type)],
      [PAGE.uncompressed, int32(this.#page.size)],
      [PAGE.compressed, int32(bytes.length)],
      [PAGE.crc, int32(crc32(bytes) | 0)],
      kind,
    ]));
    file.append(header);
    file.append(bytes);
    return header.length + this.#page.size;
  }
}

/** What goes into a data page. */
interface PageContents {
  readonly buffer: ColumnBuffer;
  readonly rows: number;
  readonly values: PackedValues;
  readonly dictionary: Dictionary | undefined;
}
