import { isUtf8 } from "node:buffer";
import type { Column, Layout } from "../dataset/dataset.ts";
import { type Day, DAY_MICROS, dayOf, startOf } from "../dataset/day.ts";
import { TaskError } from "../task/errors.ts";
import { SECONDS } from "./harness_columns.ts";
import type { RowKeys } from "../dataset/source.ts";
import type { SqliteValue } from "./harness_query.ts";
import type { FieldValue } from "../copy/encode.ts";

/** A row ready to be written, or why it cannot be. */
export type Converted = ConvertedRow | { readonly name: string; readonly finding: string };

/** A row ready to be written. */
export interface ConvertedRow {
  /** The UTC day of created_at. */
  readonly day: Day;
  /** Its values, in the order of the columns. */
  readonly values: FieldValue[];
  /** Its own key, and those of the rows that it replaces. */
  readonly keys: RowKeys;
  /** How many of its seeds are REAL, and so have lost their digits; they are NULL. */
  readonly lostSeeds: number;
}

/** Turns rows, given as their `others`, the lengths of their `texts` and the bytes of these, into values in the order of
 * `columns`. */
export function createConverter(
  columns: readonly Column[],
  { texts, others }: { readonly texts: readonly string[]; readonly others: readonly string[] },
): (row: SqliteValue[]) => Converted {
  const names = [...others, ...texts];
  const positions = columns.map(({ name, isRedacted }) => isRedacted ? -1 : names.indexOf(name));
  const unknown = names.filter((name) => !columns.some((column) => column.name === name));
  if (unknown.length > 0) {
    throw new TaskError(
      `Cannot export SQLite rows: the dataset has no column ${
        unknown.join(", ")
      }; add it to sql/export/checks.postgres.sql`,
    );
  }
  const [runId, executionId] = ["run_id", "execution_id"].map((name) => names.indexOf(name));
  const toDay = createDayFinder();
  return (row) => {
    const valid = unpackTexts(row);
    const run = textOf(row[runId]) ?? "";
    const values: FieldValue[] = [];
    let lostSeeds = 0;
    for (let i = 0; i < columns.length; i++) {
      const value = positions[i] < 0 ? null : row[positions[i]];
      if (valid && value instanceof Uint8Array && columns[i].layout === "text") {
        values.push(value);
        continue;
      }
      if (isLostSeed(value, columns[i])) {
        values.push(null);
        lostSeeds++;
        continue;
      }
      const converted = value === null ? null : CONVERT[columns[i].layout](value, columns[i]);
      if (converted instanceof Finding) {
        return { name: run, finding: `has in column "${columns[i].name}" ${converted.text}` };
      }
      values.push(converted);
    }
    const micros = values[0] as bigint | null;
    if (micros === null) return { name: run, finding: 'has in column "created_at" nothing' };
    const execution = textOf(row[executionId]);
    const own = row[runId] === null ? `${micros}` : `${run}@${micros}`;
    return { day: toDay(micros), values, keys: execution === null ? [own] : [execution, own], lostSeeds };
  };
}

/** Whether a whole number of many digits was kept as a real one. */
function isLostSeed(value: SqliteValue, { layout, scale }: Column): boolean {
  return layout === "decimal" && scale === 0 && typeof value === "number";
}

/** Puts the texts in the place of their lengths and their bytes, and tells whether all are UTF-8. */
function unpackTexts(row: SqliteValue[]): boolean {
  const packed = row.pop() as Uint8Array;
  const lengths = row.pop() as string;
  let at = 0;
  for (const text of lengths.split(",")) {
    const length = Number(text);
    const end = at + Math.max(0, length);
    row.push(length < 0 ? null : packed.subarray(at, end));
    at = end + 1;
  }
  return isUtf8(packed);
}

/** Finds the day of an instant; fast where the one before was of the same day. */
function createDayFinder(): (micros: bigint) => Day {
  let day: Day = "";
  let [start, end] = [0n, 0n];
  return (micros) => {
    if (micros < start || micros >= end) {
      day = dayOf(micros);
      start = startOf(day);
      end = start + DAY_MICROS;
    }
    return day;
  };
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(value: SqliteValue): string | null {
  return value instanceof Uint8Array ? UTF8.decode(value) : null;
}

/** What a value is that its column cannot hold; never the value. */
class Finding {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function typeName(value: SqliteValue): string {
  if (value instanceof Uint8Array) return "a blob";
  return typeof value === "bigint" ? "an integer" : typeof value === "number" ? "a real number" : "text";
}

const notA = (value: SqliteValue, expected: string) => new Finding(`${typeName(value)}, not ${expected}`);

type Convert = (value: Exclude<SqliteValue, null>, column: Column) => FieldValue | Finding;

const CONVERT: Readonly<Record<Layout, Convert>> = {
  text(value) {
    if (!(value instanceof Uint8Array)) return notA(value, "text");
    return isUtf8(value) ? value : new Finding("text that is not valid UTF-8");
  },
  uuid: (value) => notA(value, "a uuid"),
  date: (value) => notA(value, "a date"),
  int64: (value) => typeof value === "bigint" ? value : notA(value, "an integer"),
  int32(value) {
    if (typeof value !== "bigint") return notA(value, "an integer");
    return BigInt.asIntN(32, value) === value ? value : new Finding("an integer of more than 32 bits");
  },
  float64(value) {
    if (typeof value === "number") return value;
    if (typeof value !== "bigint") return notA(value, "a number");
    return BigInt(Number(value)) === value ? Number(value) : new Finding("an integer that a double cannot hold");
  },
  bool(value) {
    return value === 0n || value === 1n ? value === 1n : new Finding(`${typeName(value)} other than 0 and 1`);
  },
  timestamp(value) {
    const known = typeof value === "bigint" && value >= SECONDS.first && value < SECONDS.end;
    return known
      ? value * 1_000_000n
      : new Finding(`${typeName(value)} that is not epoch seconds of the years 1 to 9999`);
  },
  decimal(value, { precision, scale }) {
    const digits = typeof value === "number" ? value.toFixed(scale) : typeof value === "bigint" ? `${value}` : value;
    const match = typeof digits === "string" ? /^(-?)(\d*)(?:\.(\d+))?$/.exec(digits) : null;
    if (match === null || !/\d/.test(match[0])) return notA(value, "a decimal number");
    const [whole, fraction] = [match[2].replace(/^0+/, ""), withoutZeros(match[3] ?? "")];
    if (whole.length > precision - scale) return new Finding(`a number of more than ${precision - scale} digits`);
    if (fraction.length > scale) return new Finding(`a number of more than ${scale} digits after the point`);
    return `${match[1]}${whole || "0"}${fraction && `.${fraction}`}`;
  },
};

/** Digits without the zeros at their end; an expression would try them anew from each of them. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}
