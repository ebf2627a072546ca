import { type FFIStream, readParquet, wasmMemory } from "parquet-wasm";

/** The values of one column, in Arrow's memory layout. */
export interface ReadColumn {
  /** Its name. */
  readonly name: string;
  /** Its type as Arrow's C data interface writes it. */
  readonly format: string;
  /** How many values. */
  readonly rows: number;
  /** How many of them are NULL. */
  readonly nulls: number;
  /** As a `ColumnBuffer` has it; of any length where nothing is NULL. */
  readonly validity: Uint8Array;
  /** As a `ColumnBuffer` has them, with any bytes behind the last one. */
  readonly values: Uint8Array;
  /** As a `ColumnBuffer` has them; empty where all values have one width. */
  readonly offsets: Int32Array;
}

/** What a reader has found in a Parquet file, in its own memory until disposed. */
export interface ReadFile extends Disposable {
  /** How many rows. */
  readonly rows: number;
  /** The columns of the first of them, as many as were expected at most. */
  readonly columns: readonly ReadColumn[];
}

/** Reads a Parquet file in memory by Arrow's implementation in Rust.
 *
 * Errors: what the reader finds.
 */
export function readFile(file: Uint8Array, expectedRows: number): ReadFile {
  const stream = readParquet(file, { batchSize: expectedRows }).intoFFI();
  try {
    return toReadFile(stream);
  } catch (error) {
    stream.free();
    throw error;
  }
}

function toReadFile(stream: FFIStream): ReadFile {
  // The memory does not grow while nothing is called.
  const buffer = (wasmMemory() as WebAssembly.Memory).buffer as ArrayBuffer;
  const arrays = [...stream.arrayAddrs()].map((address) => new ArrowArray(buffer, address));
  const schema = new ArrowSchema(buffer, stream.schemaAddr());
  const types = schema.children;
  return {
    rows: arrays.reduce((sum, { length }) => sum + length, 0),
    columns: arrays.length === 0 ? [] : arrays[0].children.map((array, index) => array.toColumn(types[index])),
    [Symbol.dispose]: () => stream.free(),
  };
}

/** A structure of the C data interface in memory of 32-bit addresses.
 *
 * Source: Apache Arrow, "The Arrow C data interface".
 */
class Structure {
  readonly memory: ArrayBuffer;
  readonly view: DataView;

  constructor(memory: ArrayBuffer, address: number) {
    this.memory = memory;
    this.view = new DataView(memory, address);
  }

  /** A 64-bit number. */
  number(offset: number): number {
    return Number(this.view.getBigInt64(offset, true));
  }

  /** The addresses that a pointer points to. */
  addresses(offset: number, count: number): Uint32Array {
    return new Uint32Array(this.memory, this.view.getUint32(offset, true), count);
  }

  /** The text that a pointer points to. */
  text(offset: number): string {
    const start = this.view.getUint32(offset, true);
    const bytes = new Uint8Array(this.memory, start);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

class ArrowSchema extends Structure {
  get format(): string {
    return this.text(0);
  }

  get name(): string {
    return this.text(4);
  }

  get children(): ArrowSchema[] {
    const addresses = this.addresses(32, this.number(24));
    return [...addresses].map((address) => new ArrowSchema(this.memory, address));
  }
}

class ArrowArray extends Structure {
  get length(): number {
    return this.number(0);
  }

  get children(): ArrowArray[] {
    const addresses = this.addresses(44, this.number(32));
    return [...addresses].map((address) => new ArrowArray(this.memory, address));
  }

  toColumn({ name, format }: ArrowSchema): ReadColumn {
    const [rows, nulls] = [this.length, this.number(8)];
    const [validity, ...others] = this.addresses(40, this.number(24));
    return {
      name,
      format,
      rows,
      nulls,
      validity: new Uint8Array(this.memory, validity, validity === 0 ? 0 : (rows + 7) >> 3),
      values: new Uint8Array(this.memory, others.at(-1)!),
      offsets: others.length > 1 ? new Int32Array(this.memory, others[0], rows + 1) : new Int32Array(0),
    };
  }
}
