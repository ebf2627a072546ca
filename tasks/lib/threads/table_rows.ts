import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "../copy/columns.ts";
import { headerSize, isTrailer, TRAILER_BYTES } from "../copy/decode.ts";
import type { Column } from "../dataset/dataset.ts";
import { type Day, DAY_MICROS, startOf } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";
import { CopyFormatError } from "../copy/errors.ts";
import { DAY_MINUTES } from "../sources/segments.ts";
import type { Groups } from "./groups.ts";

/** Size of a block: what is decoded at a time. */
const BLOCK_BYTES = 512 * 1024;

/** Position of a tuple's first field, whose day is the tuple's: after the field count and the field's length. */
const FIRST_FIELD = 6;

const MINUTE_MICROS = 60_000_000n;

/** The halves of a signed 64-bit number: no BigInt is made for a row. A date has the first one alone, and 0 for the other. */
type Halves = Readonly<Record<"high" | "low", number>>;

/** Not before any value. */
const LEAST: Halves = { high: -0x80000000, low: 0 };

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
  /** Its first value, and the first one behind it. */
  #first = LEAST;
  #end = LEAST;
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
    this.#expectTuple(bytes, start, end);
    while (!this.#isBefore(this.#end, bytes, start + FIRST_FIELD)) this.#next();
    if (this.#isBefore(this.#first, bytes, start + FIRST_FIELD)) throw strayError();
    this.#append(bytes, start, end);
  }

  /** Ends the last segment. */
  end(): void {
    if (this.#state !== "ended") throw new CopyFormatError("the stream ends without its trailer");
    while (this.#index < this.#segments.length) this.#next();
  }

  #expectTuple(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#fields[0].layout === "date" ? 4 : 8;
    const count = bytes[start] << 8 | bytes[start + 1];
    const isWhole = count === this.#fields.length && end - start >= FIRST_FIELD + length;
    if (this.#state !== "open" || !isWhole || intAt(bytes, start + 2) !== length) {
      throw new CopyFormatError("the stream holds something else than a tuple of the columns");
    }
  }

  /** Whether a row's first field, which is at `at`, comes before a value. */
  #isBefore(value: Halves, bytes: Uint8Array, at: number): boolean {
    const high = intAt(bytes, at);
    if (high !== value.high) return high < value.high;
    return this.#fields[0].layout !== "date" && intAt(bytes, at + 4) >>> 0 < value.low;
  }

  /** Ends the segment, and begins the next one. */
  #next(): void {
    this.#flush();
    if (this.#index >= 0) this.#groups.end();
    this.#index++;
    const segment = this.#segments[this.#index];
    if (segment === undefined) {
      if (this.#state === "ended") return;
      throw strayError();
    }
    [this.#first, this.#end] = segment.minutes.map((minute) => this.#valueAt(segment.day, minute));
    this.#groups.begin(segment.rows);
    this.#room = this.#groups.room;
  }

  /** The first field of a day's rows from a minute on; a date is that of the next day from its last minute on. */
  #valueAt(day: Day, minute: number): Halves {
    if (this.#fields[0].layout === "date") {
      return {
        high: Number(startOf(day) / DAY_MICROS) + Math.floor(minute / DAY_MINUTES) - POSTGRES_EPOCH_DAYS,
        low: 0,
      };
    }
    const value = startOf(day) + BigInt(minute) * MINUTE_MICROS - POSTGRES_EPOCH_MICROS;
    return { high: Number(BigInt.asIntN(32, value >> 32n)), low: Number(value & 0xffffffffn) };
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

function strayError(): CopyFormatError {
  return new CopyFormatError("a row is of another day than it should be");
}

function intAt(bytes: Uint8Array, at: number): number {
  return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}
