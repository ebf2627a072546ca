import type { Column } from "../../tasks/lib/dataset/dataset.ts";
import { createTupleWriter, type FieldValue } from "../../tasks/lib/copy/encode.ts";
import { columnsOf } from "./columns.ts";

/** A column of every type, decimals of every width in the file, and the one that gives the day. */
export const RANDOM_COLUMNS: readonly Column[] = columnsOf({
  created_at: "timestamptz",
  source: "text",
  ...Object.fromEntries(
    [
      "uuid",
      "text",
      "bigint",
      "integer",
      "double precision",
      "boolean",
      "timestamptz",
      "date",
      "numeric(4,1)",
      "numeric(9,3)",
      "numeric(10,0)",
      "numeric(12,6)",
      "numeric(18,2)",
      "numeric(19,4)",
      "numeric(20,0)",
      "numeric(38,10)",
    ].flatMap((type) => [[`${type} a`, type], [`${type} b`, type]]),
  ),
});

/** Numbers from 0 to 1, always the same ones for a seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** Tuples of RANDOM_COLUMNS: some columns are all NULL, some never, some have one value, some few and some no value twice. */
export function randomTuples(rows: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const valuesOf = RANDOM_COLUMNS.map((column) => {
    const nulls = pick([0, 0, 0.1, 0.5, 0.99, 1]);
    const pool = Array.from({ length: pick([1, 2, 3, 30, 300]) }, () => valueOf(column, random));
    const isMany = random() < 0.4;
    // Values that come in runs are written otherwise than those that take turns.
    const repeats = pick([0, 0, 0.9, 0.99]);
    let last = pool[0];
    return () => {
      if (random() >= repeats) last = isMany ? valueOf(column, random) : pick(pool);
      return random() < nulls ? null : last;
    };
  });
  const writer = createTupleWriter(RANDOM_COLUMNS);
  for (let row = 0; row < rows; row++) {
    const day = 1_756_684_800_000_000n + BigInt(row) * 1_000n;
    const [, , ...values] = valuesOf.map((next) => next());
    writer.append([day, new TextEncoder().encode("postgres"), ...values]);
  }
  return writer.take();
}

/** Extreme values come often. */
function valueOf({ layout, precision, scale }: Column, random: () => number): FieldValue {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const whole = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 10)).join("") || "0";
  const isExtreme = random() < 0.2;
  switch (layout) {
    case "bool":
      return random() < 0.5;
    case "int32":
      return isExtreme ? pick([0, -1, 2 ** 31 - 1, -(2 ** 31)]) : Math.floor((random() - 0.5) * 2 ** 32);
    case "date":
      return isExtreme ? pick([-719162, 2932896]) : Math.floor(random() * 30_000);
    case "int64":
      return isExtreme ? pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) : BigInt(`${pick(["", "-"])}${whole(18)}`);
    case "timestamp":
      return isExtreme ? pick([-62135596800000000n, -1n, 0n, 253402300799999999n]) : BigInt(whole(16));
    case "float64":
      return isExtreme
        ? pick([0, -0, 5e-324, -Number.MAX_VALUE, NaN, Infinity, -Infinity])
        : (random() - 0.5) * 10 ** (600 * random() - 300);
    case "decimal": {
      const digits = isExtreme ? pick(["0", "9"]).repeat(precision) : whole(1 + Math.floor(random() * precision));
      const padded = digits.padStart(scale + 1, "0");
      const [before, after] = [padded.slice(0, padded.length - scale), padded.slice(padded.length - scale)];
      return `${pick(["", "-"])}${before}${scale > 0 ? `.${after}` : ""}`;
    }
    case "uuid":
      return Uint8Array.from({ length: 16 }, () => isExtreme ? 255 : Math.floor(random() * 256));
    case "text":
      return new TextEncoder().encode(textOf(isExtreme, random, pick));
  }
}

function textOf(isExtreme: boolean, random: () => number, pick: <T>(values: readonly T[]) => T): string {
  if (isExtreme) return pick(["", "\uFEFF", "😀", "\uFFFF", "\x01", "é".repeat(600), "a", "aaaa", "aaaaa"]);
  const letters = ["a", "b", "é", "日", "😀", " ", "\n", `"`];
  return Array.from({ length: Math.floor(random() ** 4 * 300) }, () => pick(letters)).join("");
}
