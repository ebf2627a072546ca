import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { Column, Dataset, Layout } from "./dataset.ts";
import { type Day, DAY_MICROS, dayOf, nextDay, startOf } from "./day.ts";
import { TaskError } from "./errors.ts";
import { createKeptDays } from "./kept_days.ts";
import type { BadRow } from "./chunk_writer.ts";
import { type DayBlock, type DayRange, fieldOrder, rangesOf, type Source, type SourceDay } from "./source.ts";
import type { HarnessDatabase, SqliteValue } from "./sqlite.ts";
import { createTupleWriter, type FieldValue } from "./tuple_writer.ts";

/** Options of `readHarness`. */
export interface HarnessOptions {
  /** What is exported. */
  readonly dataset: Dataset;
  /** The SELECT that gives the dataset's columns by name. */
  readonly select: string;
  /** Days to look at. */
  readonly range: DayRange;
  /** The one run to look at; all of them where undefined. */
  readonly run?: string;
  /** Columns that leave as NULL. */
  readonly redacted: readonly string[];
  /** Keys of rows that a file named later holds too, where they are taken from. */
  readonly superseded?: ReadonlySet<string>;
  /** Called with each row that has no representation, which is left out; without it, it fails the export. */
  readonly onBadRow?: (row: BadRow) => void;
  /** Bytes of tuples that may stay in memory between planning and exporting (default `MAX_KEPT_BYTES`). */
  readonly keptBytes?: number;
}

/** Bytes in a block, about. */
const BLOCK_BYTES = 512 * 1024;

/** Bytes of tuples that one export keeps in memory between reading them to plan and exporting them. */
export const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** First second of the year 1, and of the year 10000. */
const SECONDS = { first: -62_135_596_800n, end: 253_402_300_800n };

/** The executions and runs of a harness database as a source.
 *
 * Its fingerprints are digests of the rows themselves, so every row is read once to plan. The newest days, which change
 * most, stay in memory until they are exported; older ones that changed are read again.
 *
 * Errors: TaskError naming file, column and run for a value without a representation.
 */
export function readHarness(harness: HarnessDatabase, options: HarnessOptions): Source {
  const days = new Map<Day, { rows: number; hash: Hash }>();
  const kept = createKeptDays(options.keptBytes ?? MAX_KEPT_BYTES);
  const supersedes: (readonly [string, ...string[]])[] = [];
  const onKeys = (keys: readonly [string, ...string[]]) => supersedes.push(keys);
  for (const block of readRange(harness, options.range, { ...options, onKeys })) {
    const found = days.get(block.day) ?? { rows: 0, hash: createHash("sha256") };
    days.set(block.day, { rows: found.rows + block.rows, hash: found.hash.update(block.tuples) });
    kept.add(block);
  }
  // What was left out has been told by now.
  const again = { ...options, onKeys: () => {}, onBadRow: options.onBadRow && (() => {}) };
  return {
    kind: "sqlite",
    key: `sqlite:${harness.path}`,
    identity: "harness",
    partial: options.run !== undefined,
    days: new Map(
      [...days].map(([day, { rows, hash }]): [Day, SourceDay] => [day, { rows, fingerprint: hash.digest("hex") }]),
    ),
    supersedes,
    async *blocks(wanted) {
      kept.retain(wanted);
      const gone = wanted.filter((day) => !kept.has(day));
      for (const range of rangesOf(days.keys(), new Set(gone))) yield* readRange(harness, range, again);
      for (const day of wanted) yield* kept.take(day);
    },
  };
}

/** The run_id of the newest execution, or of the newest run where there are no executions. */
export function latestRun(harness: HarnessDatabase): string | undefined {
  const order = "order by created_at desc, rank desc limit 1";
  const [row] = harness.rows(`
    select run_id from (select run_id, created_at, 1 as rank from harness_executions
      union all select run_id, created_at, 0 from harness_runs) where run_id is not null ${order}`);
  return row?.[0] as string | undefined;
}

type ReadOptions = HarnessOptions & { readonly onKeys: (keys: readonly [string, ...string[]]) => void };

/** The rows of a range of days in blocks, none of which spans two days. */
function* readRange(harness: HarnessDatabase, range: DayRange, options: ReadOptions): Generator<DayBlock> {
  const columns = fieldOrder(options.dataset.columns).map((name) =>
    options.dataset.columns.find((column) => column.name === name)!
  );
  const writer = createTupleWriter(columns);
  const isText = (name: string) => columns.some((column) => column.name === name && column.layout === "text");
  const names = harness.columns(options.select);
  const [texts, others] = [names.filter(isText), names.filter((name) => !isText(name))];
  const sql = rangeSql(options, texts, others);
  const convert = createConverter(columns, { texts, others }, options.redacted);
  let [day, rows]: [Day, number] = ["", 0];
  for (const row of harness.rows(sql, ...bounds(range), ...(options.run === undefined ? [] : [options.run]))) {
    const converted = convert(row);
    if ("finding" in converted) {
      leaveOut(harness, { ...converted, source: "sqlite" }, options);
      continue;
    }
    if (options.superseded?.has(converted.keys[0])) continue;
    options.onKeys(converted.keys);
    if (rows > 0 && (converted.day !== day || writer.sizeBytes > BLOCK_BYTES)) {
      yield { day, tuples: writer.take(), rows };
      rows = 0;
    }
    day = converted.day;
    writer.append(converted.values);
    rows++;
  }
  if (rows > 0) yield { day, tuples: writer.take(), rows };
}

/** The rows of a range. Texts come as a list of their lengths, -1 for NULL, and the bytes of all of them packed into one
 * last column: a value of its own for each would cost more than everything else.
 *
 * A created_at that is no integer is in every range, so that it is found and not passed over.
 */
function rangeSql({ select, run }: HarnessOptions, texts: readonly string[], others: readonly string[]): string {
  const lengths = `concat_ws(',', ${texts.map((name) => `coalesce(octet_length("${name}"), -1)`).join(", ")})`;
  // A separator keeps the end of one text and the start of the next from being one character.
  const pack = `cast(${texts.map((name) => `coalesce("${name}", '')`).join(" || char(10) || ")} as blob)`;
  const values = [...others.map((name) => `"${name}"`), lengths, pack].join(", ");
  const inRange = "(typeof(created_at) <> 'integer' or created_at not between -62135596800 and 253402300799 or " +
    "(created_at >= ? and created_at < ?))";
  const ofRun = run === undefined ? "" : " and run_id = cast(? as blob)";
  // The limit keeps SQLite from computing a value once for each place that uses it; one run is better found by index.
  const once = run === undefined ? " limit -1" : "";
  return `select ${values} from (${select}${once}) where ${inRange}${ofRun} order by created_at, run_id, execution_id`;
}

function bounds({ since, until }: DayRange): [bigint, bigint] {
  const secondsOf = (day: Day) => startOf(day) / 1_000_000n;
  const end = until === undefined || until === "9999-12-31" ? SECONDS.end : secondsOf(nextDay(until));
  return [since === undefined ? SECONDS.first : secondsOf(since), end];
}

function leaveOut(harness: HarnessDatabase, row: BadRow, { onBadRow }: HarnessOptions): void {
  if (onBadRow) return onBadRow(row);
  throw new TaskError(
    `Cannot export SQLite file "${harness.path}": run "${row.run}" ${row.finding}; correct the row, or leave it out with --skip-bad-rows`,
  );
}

/** A row ready to be written, or why it cannot be. */
type Converted =
  | { readonly day: Day; readonly values: FieldValue[]; readonly keys: readonly [string, ...string[]] }
  | { readonly run: string; readonly finding: string };

/** Turns rows of `rangeSql` into values in the order of `columns`. */
function createConverter(
  columns: readonly Column[],
  { texts, others }: { readonly texts: readonly string[]; readonly others: readonly string[] },
  redacted: readonly string[],
): (row: SqliteValue[]) => Converted {
  const names = [...others, ...texts];
  const positions = columns.map(({ name }) => redacted.includes(name) ? -1 : names.indexOf(name));
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
    for (let i = 0; i < columns.length; i++) {
      const value = positions[i] < 0 ? null : row[positions[i]];
      if (valid && value instanceof Uint8Array && columns[i].layout === "text") {
        values.push(value);
        continue;
      }
      const converted = value === null ? null : CONVERT[columns[i].layout](value, columns[i]);
      if (converted instanceof Finding) return { run, finding: `has in column "${columns[i].name}" ${converted.text}` };
      values.push(converted);
    }
    const micros = values[0] as bigint | null;
    if (micros === null) return { run, finding: 'has in column "created_at" nothing' };
    const execution = textOf(row[executionId]);
    const own = row[runId] === null ? `${micros}` : `${run}@${micros}`;
    return { day: toDay(micros), values, keys: execution === null ? [own] : [execution, own] };
  };
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
    const match = typeof digits === "string" ? /^-?0*(\d*)(?:\.\d+)?$/.exec(digits) : null;
    if (match === null || digits === "") return notA(value, "a decimal number");
    return match[1].length <= precision - scale
      ? digits as string
      : new Finding(`a number of more than ${precision - scale} digits`);
  },
};
