/** Types of the compact protocol, by their numbers. */
export const THRIFT = {
  bool: 1,
  byte: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

/** A value as it stands in the bytes: doubles are their eight bytes, texts and binaries theirs. */
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftList | ThriftMap | ThriftStruct;

/** Elements of one type. */
export interface ThriftList {
  readonly type: number;
  readonly items: ThriftValue[];
}

/** Pairs of one type each. */
export interface ThriftMap {
  readonly types: readonly [key: number, value: number];
  readonly pairs: [ThriftValue, ThriftValue][];
}

/** Fields by id, in the order of the bytes; those that nobody knows stay in it. */
export type ThriftStruct = Map<number, ThriftField>;

/** One field of a struct. */
export interface ThriftField {
  readonly type: number;
  value: ThriftValue;
}

/** The struct that bytes hold, whatever its fields are.
 *
 * Errors: RangeError where the bytes are no such struct.
 * Source: Apache Thrift, "Thrift Compact protocol encoding".
 */
export function decodeThrift(bytes: Uint8Array): ThriftStruct {
  const reader = new Reader(bytes);
  const struct = reader.struct();
  if (reader.at !== bytes.length) throw new RangeError("there are bytes behind the struct");
  return struct;
}

/** The bytes of a struct: those it was decoded from, where nothing was changed. */
export function encodeThrift(struct: ThriftStruct): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.struct(struct);
  return writer.take();
}

/** Greatest number whose bits can be shifted as a number's. */
const MAX_SMALL = 0x7fffffffn;

/** Bits of a number that fit into four bytes of seven each. */
const SMALL_BITS = 28;

/** No struct of Parquet is nested deeper; bytes that claim so are not followed. */
const MAX_DEPTH = 32;

class Reader {
  at = 0;
  #depth = 0;
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    // Values are views of one copy: the caller's memory may be used again.
    this.#bytes = bytes.slice();
  }

  struct(): ThriftStruct {
    if (++this.#depth > MAX_DEPTH) throw new RangeError("structs are nested too deep");
    const fields: ThriftStruct = new Map();
    let id = 0;
    for (let header = this.#byte(); header !== 0; header = this.#byte()) {
      const delta = header >> 4;
      id = delta === 0 ? Number(this.#zigzag()) : id + delta;
      const type = header & 15;
      if (fields.has(id)) throw new RangeError(`field ${id} is there twice`);
      // A boolean field has its value in its type.
      const isBool = type === 1 || type === 2;
      fields.set(id, isBool ? { type: THRIFT.bool, value: type === 1 } : { type, value: this.#value(type) });
    }
    this.#depth--;
    return fields;
  }

  #value(type: number): ThriftValue {
    switch (type) {
      case 1:
      case 2:
        return this.#byte() === 1;
      case THRIFT.byte:
        return this.#byte();
      case THRIFT.int16:
      case THRIFT.int32:
      case THRIFT.int64:
        return this.#zigzag();
      case THRIFT.double:
        return this.#take(8);
      case THRIFT.binary:
        return this.#take(this.#size());
      case THRIFT.list:
      case THRIFT.set:
        return this.#list();
      case THRIFT.map:
        return this.#map();
      case THRIFT.struct:
        return this.struct();
    }
    throw new RangeError(`there is no type ${type}`);
  }

  #list(): ThriftList {
    const header = this.#byte();
    const size = header >> 4 === 15 ? this.#size() : header >> 4;
    const type = header & 15;
    const items: ThriftValue[] = [];
    for (let i = 0; i < size; i++) items.push(this.#value(type));
    return { type, items };
  }

  #map(): ThriftMap {
    const size = this.#size();
    const header = size === 0 ? 0 : this.#byte();
    const types = [header >> 4, header & 15] as const;
    const pairs: [ThriftValue, ThriftValue][] = [];
    for (let i = 0; i < size; i++) pairs.push([this.#value(types[0]), this.#value(types[1])]);
    return { types, pairs };
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new RangeError("the struct is cut");
    return this.#bytes[this.at++];
  }

  #take(size: number): Uint8Array {
    if (!(size <= this.#bytes.length - this.at)) throw new RangeError("the struct is cut");
    this.at += size;
    return this.#bytes.subarray(this.at - size, this.at);
  }

  #size(): number {
    return Number(this.#varint());
  }

  /** Small numbers, nearly all there are, are put together without a bigint for each of their bytes. */
  #varint(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < SMALL_BITS; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 127) << shift;
      if (byte < 128) return low;
    }
    let value = BigInt(low);
    for (let shift = BigInt(SMALL_BITS); shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a number has too many bytes");
  }

  #zigzag(): bigint {
    const value = this.#varint();
    if (typeof value === "number") return BigInt((value >> 1) ^ -(value & 1));
    return (value >> 1n) ^ -(value & 1n);
  }
}

class Writer {
  #bytes = new Uint8Array(1 << 14);
  #at = 0;

  struct(fields: ThriftStruct): void {
    let last = 0;
    for (const [id, { type, value }] of fields) {
      const header = type === THRIFT.bool && value === false ? 2 : type;
      const delta = id - last;
      if (delta > 0 && delta < 16) this.#byte(delta << 4 | header);
      else {
        this.#byte(header);
        this.#zigzag(BigInt(id));
      }
      last = id;
      if (type !== THRIFT.bool) this.#value(type, value);
    }
    this.#byte(0);
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  #value(type: number, value: ThriftValue): void {
    if (typeof value === "boolean") this.#byte(value ? 1 : 2);
    else if (typeof value === "number") this.#byte(value);
    else if (typeof value === "bigint") this.#zigzag(value);
    else if (value instanceof Uint8Array) this.#binary(type, value);
    else if (value instanceof Map) this.struct(value);
    else if ("items" in value) this.#list(value);
    else this.#map(value);
  }

  #binary(type: number, value: Uint8Array): void {
    if (type === THRIFT.binary) this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  #list({ type, items }: ThriftList): void {
    this.#byte(Math.min(items.length, 15) << 4 | type);
    if (items.length >= 15) this.#varint(items.length);
    for (const item of items) this.#value(type, item);
  }

  #map({ types, pairs }: ThriftMap): void {
    this.#varint(pairs.length);
    if (pairs.length > 0) this.#byte(types[0] << 4 | types[1]);
    for (const pair of pairs) pair.forEach((value, index) => this.#value(types[index], value));
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#at + size, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  #varint(value: number | bigint): void {
    let large = BigInt(value);
    for (; large > MAX_SMALL; large >>= 7n) this.#byte(Number(large & 127n) | 128);
    let rest = Number(large);
    for (; rest > 127; rest >>= 7) this.#byte(rest & 127 | 128);
    this.#byte(rest);
  }

  #zigzag(value: bigint): void {
    this.#varint(value < 0n ? -value * 2n - 1n : value * 2n);
  }
}
