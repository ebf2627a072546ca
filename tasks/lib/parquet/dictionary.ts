import type { PackedValues } from "./packed_values.ts";

/** Different values, and for each value which of them it is. */
export interface Dictionary {
  readonly entries: PackedValues;
  /** One a value. */
  readonly indices: Int32Array;
}

/** Entries of a dictionary at most. */
const MAX_ENTRIES = 4096;

/** Entries before it is asked whether values come often enough. */
const SAMPLE_ENTRIES = 1024;

/** How often a value must come for a dictionary to pay. */
const MIN_REPEATS = 4;

/** Slots of the hash table: a power of two, a quarter of it full at most. */
const SLOTS = 4 * MAX_ENTRIES;

/** Finds the few values that a column consists of, in memory that is used again. */
export class DictionaryBuilder {
  /** Entry + 1 by hash; 0 where there is none. */
  #slots = new Int32Array(SLOTS);
  /** The first value that is entry i. */
  #firsts = new Int32Array(MAX_ENTRIES);
  #indices = new Int32Array(0);

  /** The dictionary of some values, valid until the next call; undefined where it would not pay. */
  build(values: PackedValues): Dictionary | undefined {
    const { physical, count } = values;
    if (physical.order === "bits" || count < 2 * MIN_REPEATS) return undefined;
    const keys = physical.order === "texts" ? new TextKeys(values) : new NumberKeys(values);
    const size = this.#index(keys, count);
    if (size === 0) return undefined;
    return { entries: keys.take(this.#firsts.subarray(0, size)), indices: this.#indices };
  }

  /** Finds every value's entry and tells how many there are; 0 where there are too many. */
  #index(keys: NumberKeys | TextKeys, count: number): number {
    if (this.#indices.length < count) this.#indices = new Int32Array(2 * count);
    const [slots, firsts, indices] = [this.#slots.fill(0), this.#firsts, this.#indices];
    let size = 0;
    for (let i = 0; i < count; i++) {
      let slot = keys.hash(i) & SLOTS - 1;
      let entry = slots[slot];
      while (entry !== 0 && !keys.areEqual(firsts[entry - 1], i)) {
        slot = slot + 1 & SLOTS - 1;
        entry = slots[slot];
      }
      if (entry === 0) {
        if (size === MAX_ENTRIES || size >= SAMPLE_ENTRIES && MIN_REPEATS * size > i) return 0;
        firsts[size++] = i;
        entry = slots[slot] = size;
      }
      indices[i] = entry - 1;
    }
    return MIN_REPEATS * size > count ? 0 : size;
  }
}

/** Multiplier of the hashes: 2^32 divided by the golden ratio. */
const FACTOR = 0x9e3779b1 | 0;

class NumberKeys {
  #values: PackedValues;
  #words: Int32Array;
  #width: number;

  constructor(values: PackedValues) {
    this.#values = values;
    this.#words = values.words;
    this.#width = values.physical.words;
  }

  hash(i: number): number {
    let hash = 0;
    const end = this.#width * (i + 1);
    for (let word = this.#width * i; word < end; word++) hash = Math.imul(hash ^ this.#words[word], FACTOR);
    return hash ^ hash >>> 15;
  }

  areEqual(one: number, other: number): boolean {
    const width = this.#width;
    for (let word = 0; word < width; word++) {
      if (this.#words[width * one + word] !== this.#words[width * other + word]) return false;
    }
    return true;
  }

  take(picks: Int32Array): PackedValues {
    const words = new Int32Array(this.#width * picks.length);
    picks.forEach((pick, i) =>
      words.set(this.#words.subarray(this.#width * pick, this.#width * (pick + 1)), this.#width * i)
    );
    return { ...this.#values, count: picks.length, words };
  }
}

class TextKeys {
  #values: PackedValues;
  #bytes: Uint8Array;
  #view: DataView;
  #offsets: Int32Array;

  constructor(values: PackedValues) {
    const { bytes, offsets } = values;
    this.#values = values;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offsets = offsets;
  }

  hash(i: number): number {
    let at = this.#offsets[i];
    const end = this.#offsets[i + 1];
    let hash = end - at;
    for (; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ this.#view.getInt32(at), FACTOR);
      hash ^= hash >>> 15;
    }
    for (; at < end; at++) hash = Math.imul(hash ^ this.#bytes[at], FACTOR);
    return hash ^ hash >>> 15;
  }

  areEqual(one: number, other: number): boolean {
    let [at, otherAt] = [this.#offsets[one], this.#offsets[other]];
    const end = this.#offsets[one + 1];
    if (end - at !== this.#offsets[other + 1] - otherAt) return false;
    for (; at + 4 <= end; at += 4, otherAt += 4) {
      if (this.#view.getInt32(at) !== this.#view.getInt32(otherAt)) return false;
    }
    for (; at < end; at++, otherAt++) if (this.#bytes[at] !== this.#bytes[otherAt]) return false;
    return true;
  }

  take(picks: Int32Array): PackedValues {
    const offsets = new Int32Array(picks.length + 1);
    picks.forEach((pick, i) => {
      offsets[i + 1] = offsets[i] + this.#offsets[pick + 1] - this.#offsets[pick];
    });
    const bytes = new Uint8Array(offsets[picks.length]);
    picks.forEach((pick, i) =>
      bytes.set(this.#bytes.subarray(this.#offsets[pick], this.#offsets[pick + 1]), offsets[i])
    );
    return { ...this.#values, count: picks.length, bytes, offsets };
  }
}
