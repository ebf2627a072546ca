import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "../copy/columns.ts";
import { headerSize, isTrailer, TRAILER_BYTES } from "../copy/decode.ts";
import type { Column } from "../dataset/dataset.ts";
import { DAY_MICROS, startOf } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";
import { CopyFormatError } from "../copy/errors.ts";
import type { Groups } from "./groups.ts";

/** Size of a block: what is decoded at a time. */
const BLOCK_BYTES = 512 * 1024;

/** Position of a tuple's first field, whose day is the tuple's: after the field count and the field's length. */
const FIRST_FIELD = 6;

const MINUTE_MICROS = 60_000_000n;

/** The messages of a COPY of consecutive segments, ordered by the first of `fields`, a timestamp or date, as row groups.
 *
 * Errors: CopyFormatError on a row that is in none of them, and on a COPY that ends without its trailer.
 * Source: PostgreSQL manual, "COPY Operations" of the message flow: one row a message.
 */
export class TableRows {
  #segments: readonly Segment[];
  #fields: readonly Column[];
  #groups: Groups;
  /** The segment whose rows come. */
  #index = -1;
  /** First value behind it, by halves of a signed 64-bit number: no BigInt is made for a row. A date has the first half
   * alone, and 0 for the other. */
  #endHigh = -0x80000000;
  #endLow = 0;
  #block = new Uint8Array(BLOCK_BYTES);
  #at = 0;
  #rows = 0;
  #room = 0;
  #state: "new" | "open" | "ended" = "new";

  constructor(segments: readonly Segment[], fields: readonly Column[], groups: Groups) {
    this.#segments = segments;
    this.#fields = fields;
    this.#groups = groups;
  }

  /** Takes the message of `bytes` from `start` up to `end`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === "new") {
      start += headerSize(bytes.subarray(start, end));
      this.#state = "open";
      if (start === end) return;
    }
    if (end - start === TRAILER_BYTES && isTrailer(bytes.subarray(start, end))) {
      this.#state = "ended";
      return;
    }
    this.#expectTuple(bytes, start);
    while (!this.#isInSegment(bytes, start + FIRST_FIELD)) this.#next();
    this.#append(bytes, start, end);
  }

  /** Ends the last segment. */
  end(): void {
    if (this.#state !== "ended") throw new CopyFormatError("the stream ends without its trailer");
    while (this.#index < this.#segments.length) this.#next();
  }

  #expectTuple(bytes: Uint8Array, start: number): void {
    const length = this.#fields[0].layout === "date" ? 4 : 8;
    const count = bytes[start] << 8 | bytes[start + 1];
    const isTuple = this.#state === "open" && count === this.#fields.length && bytes[start + 5] === length;
    if (!isTuple) throw new CopyFormatError("the stream holds something else than a tuple of the columns");
  }

  /** Whether a row whose first field is at `at` comes before the end of the segment. */
  #isInSegment(bytes: Uint8Array, at: number): boolean {
    const high = intAt(bytes, at);
    if (high !== this.#endHigh) return high < this.#endHigh;
    return this.#fields[0].layout !== "date" && intAt(bytes, at + 4) >>> 0 < this.#endLow;
  }

  /** Ends the segment, and begins the next one. */
  #next(): void {
    this.#flush();
    if (this.#index >= 0) this.#groups.end();
    this.#index++;
    const segment = this.#segments[this.#index];
    if (segment === undefined) {
      if (this.#state === "ended") return;
      throw new CopyFormatError("a row is of another day than it should be");
    }
    this.#setEnd(segment);
    this.#groups.begin(segment.rows);
    this.#room = this.#groups.room;
  }

  #setEnd({ day, minutes }: Segment): void {
    if (this.#fields[0].layout === "date") {
      this.#endHigh = Number(startOf(day) / DAY_MICROS) + 1 - POSTGRES_EPOCH_DAYS;
      return;
    }
    const end = startOf(day) + BigInt(minutes[1]) * MINUTE_MICROS - POSTGRES_EPOCH_MICROS;
    [this.#endHigh, this.#endLow] = [Number(BigInt.asIntN(32, end >> 32n)), Number(end & 0xffffffffn)];
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.#at + size > this.#block.length) {
      this.#flush();
      if (size > this.#block.length) this.#block = new Uint8Array(size);
    }
    this.#block.set(bytes.subarray(start, end), this.#at);
    this.#at += size;
    if (++this.#rows >= this.#room) this.#flush();
  }

  #flush(): void {
    if (this.#rows > 0) this.#groups.add(this.#block.subarray(0, this.#at), this.#rows);
    [this.#at, this.#rows] = [0, 0];
    this.#room = this.#groups.room;
  }
}

function intAt(bytes: Uint8Array, at: number): number {
  return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}
