/** Sizes of pages are 32-bit numbers, and compression can make bytes a little more. */
const MAX_BYTES = 0x7f000000;

/** Bytes that are appended to, in memory that is used again. */
export class GrowingBytes {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);
  /** The same memory. */
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);
  /** How many there are. */
  size = 0;

  /** What there is, valid until more comes. */
  taken(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.size);
  }

  /** Makes room for so many more and tells where they begin; they count as there.
   *
   * Errors: RangeError where there are too many for Parquet.
   */
  extend(more: number): number {
    const start = this.size;
    this.size += more;
    if (this.size > MAX_BYTES) throw new RangeError("a row group has more than 2 GiB in one column");
    if (this.size > this.bytes.length) {
      const grown = new Uint8Array(Math.min(MAX_BYTES, Math.max(this.size, 2 * this.bytes.length)));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return start;
  }

  append(bytes: Uint8Array): void {
    const start = this.extend(bytes.length);
    this.bytes.set(bytes, start);
  }

  byte(value: number): void {
    const start = this.extend(1);
    this.bytes[start] = value;
  }

  /** An unsigned number of 32 bits, seven a byte, the lowest first. */
  varint(value: number): void {
    for (; value > 127; value >>>= 7) this.byte(value & 127 | 128);
    this.byte(value);
  }
}
