import { createHash, type Hash } from "node:crypto";
import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import { type Day, nextDay, startOf } from "../dataset/day.ts";
import { TaskError } from "../task/errors.ts";
import { SECONDS } from "./harness_columns.ts";
import { createKeptDays } from "./kept_days.ts";
import { createPause } from "../task/pause.ts";
import {
  type BadRow,
  type DayRange,
  type FileSource,
  rangesOf,
  type RowKeys,
  type SourceDay,
} from "../dataset/source.ts";
import type { HarnessDatabase, Slice } from "./harness_file.ts";
import { type Converted, type ConvertedRow, createConverter } from "./harness_values.ts";
import { createTupleWriter } from "../copy/encode.ts";

interface DayBlock {
  readonly day: Day;
  readonly tuples: Uint8Array<ArrayBuffer>;
  readonly rows: number;
}

/** Options of `readHarness`. */
export interface HarnessOptions {
  /** What is exported. */
  readonly dataset: Dataset;
  /** The SELECT that gives the dataset's columns by name. */
  readonly select: string;
  /** Days to look at. */
  readonly range: DayRange;
  /** Whether the harness was opened with some of its rows alone. */
  readonly partial?: boolean;
  /** Keys of rows that a file named later holds too, where they are taken from. */
  readonly superseded?: ReadonlySet<string>;
  /** Called with each row that has no representation, which is left out; without it, it fails the export. */
  readonly onBadRow?: (row: BadRow) => void;
  /** Called for each seed of an exported row that is REAL, and so has lost its digits; it is NULL. */
  readonly onLostSeed?: () => void;
  /** Ends the reading early. */
  readonly signal: AbortSignal;
  /** Bytes of tuples that may stay in memory between planning and exporting (default `MAX_KEPT_BYTES`). */
  readonly keptBytes?: number;
}

/** Bytes in a block, about. */
const BLOCK_BYTES = 512 * 1024;

/** Bytes of tuples that one export keeps in memory between reading them to plan and exporting them. */
export const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** SQL for the key of an exported row of SQLite: its own key in `Source.supersedes`. */
export const HARNESS_ROW_KEY = "coalesce(execution_id, coalesce(run_id || '@', '') || epoch_us(created_at))";

/** Key of a harness file's fingerprints in a manifest, given its absolute path. */
export function harnessKey(path: string): string {
  return `sqlite:${path}`;
}

/** The executions and runs of a harness database as a source.
 *
 * Its fingerprints are digests of the rows themselves, so every row is read once to plan. The newest days, which change
 * most, stay in memory until they are exported; older ones that changed are read again.
 *
 * Errors: TaskError naming file, column and run for a value without a representation.
 */
export async function readHarness(
  harness: HarnessDatabase,
  options: HarnessOptions,
): Promise<FileSource & { blocks(wanted: readonly Day[], known?: ReadonlySet<string>): AsyncGenerator<DayBlock> }> {
  const days = new Map<Day, { rows: number; hash: Hash }>();
  const kept = createKeptDays(options.keptBytes ?? MAX_KEPT_BYTES);
  const supersedes: RowKeys[] = [];
  const onKeys = (keys: RowKeys) => void supersedes.push(keys);
  const slices = ["odd" as const, ...harness.slices(...bounds(options.range))];
  for await (const block of readSlices(harness, slices, { ...options, onKeys })) {
    const found = days.get(block.day) ?? { rows: 0, hash: createHash("sha256") };
    days.set(block.day, { rows: found.rows + block.rows, hash: found.hash.update(block.tuples) });
    kept.add(block);
  }
  // What was left out or lost has been told by now.
  const again = { ...options, onKeys: () => {}, onBadRow: options.onBadRow && (() => {}), onLostSeed: undefined };
  const source: FileSource & { blocks(wanted: readonly Day[], known?: ReadonlySet<string>): AsyncGenerator<DayBlock> } =
    {
      kind: "sqlite",
      key: harnessKey(harness.path),
      identity: "harness",
      partial: options.partial ?? false,
      days: new Map(
        [...days].map(([day, { rows, hash }]): [Day, SourceDay] => [day, { rows, fingerprint: hash.digest("hex") }]),
      ),
      keys: harness.keys,
      supersedes,
      async stored(wanted, known) {
        const path = Deno.makeTempFileSync();
        const stored = new Map<Day, { path: string; start: number; blocks: { sizeBytes: number; rows: number }[] }>();
        let end = 0;
        for await (const { day, tuples, rows } of source.blocks(wanted, known)) {
          Deno.writeFileSync(path, tuples, { append: true });
          stored.getOrInsertComputed(day, () => ({ path, start: end, blocks: [] })).blocks.push({
            sizeBytes: tuples.length,
            rows,
          });
          end += tuples.length;
        }
        return stored;
      },
      async *blocks(wanted: readonly Day[], known?: ReadonlySet<string>): AsyncGenerator<DayBlock> {
        kept.retain(known ? [] : wanted);
        const gone = wanted.filter((day) => !kept.has(day));
        for (const range of rangesOf(days.keys(), new Set(gone))) {
          yield* readSlices(harness, harness.slices(...bounds(range)), { ...again, known });
        }
        for (const day of wanted) yield* kept.take(day);
      },
    };
  return source;
}

type ReadOptions = HarnessOptions & {
  readonly onKeys: (keys: RowKeys) => void;
  /** Own keys of rows that are left out. */
  readonly known?: ReadonlySet<string>;
};

/** The rows of ascending slices in blocks, none of which spans two days. */
async function* readSlices(
  harness: HarnessDatabase,
  slices: readonly Slice[],
  options: ReadOptions,
): AsyncGenerator<DayBlock> {
  const { columns, convert, sql } = createReader(harness, options);
  const writer = createTupleWriter(columns);
  const pause = createPause(options.signal);
  let [day, rows]: [Day, number] = ["", 0];
  for (const slice of slices) {
    await pause();
    for (const row of harness.rows(sql, slice)) {
      const converted = admit(harness, convert(row), options);
      if (converted === undefined) continue;
      if (rows > 0 && (converted.day !== day || writer.sizeBytes > BLOCK_BYTES)) {
        yield { day, tuples: writer.take(), rows };
        rows = 0;
      }
      day = converted.day;
      writer.append(converted.values);
      rows++;
    }
  }
  if (rows > 0) yield { day, tuples: writer.take(), rows };
}

/** The row if it is to be exported, and tells what there is to tell of it. */
function admit(harness: HarnessDatabase, row: Converted, options: ReadOptions): ConvertedRow | undefined {
  if ("finding" in row) {
    leaveOut(harness, { ...row, source: "sqlite" }, options);
    return undefined;
  }
  const [own] = row.keys;
  if (options.superseded?.has(own) || options.known?.has(own)) return undefined;
  options.onKeys(row.keys);
  for (let i = 0; i < row.lostSeeds; i++) options.onLostSeed?.();
  return row;
}

function createReader(harness: HarnessDatabase, options: HarnessOptions) {
  const columns = fieldOrder(options.dataset);
  const isText = (name: string) => columns.some((column) => column.name === name && column.layout === "text");
  const names = harness.columns(options.select);
  const [texts, others] = [names.filter(isText), names.filter((name) => !isText(name))];
  const convert = createConverter(columns, { texts, others });
  return { columns, convert, sql: sliceSql(options.select, texts, others) };
}

/** The rows of a slice in order. Texts come as a list of their lengths, -1 for NULL, and the bytes of all of them packed
 * into one last column: a value of its own for each would cost more than everything else.
 */
function sliceSql(select: string, texts: readonly string[], others: readonly string[]): string {
  const lengths = `concat_ws(',', ${texts.map((name) => `coalesce(octet_length("${name}"), -1)`).join(", ")})`;
  // A separator keeps the end of one text and the start of the next from being one character.
  const pack = `cast(${texts.map((name) => `coalesce("${name}", '')`).join(" || char(10) || ")} as blob)`;
  const values = [...others.map((name) => `"${name}"`), lengths, pack].join(", ");
  // The limit keeps SQLite from computing a value once for each place that uses it.
  return `select ${values} from (${select} limit -1) order by created_at, run_id, execution_id`;
}

function bounds({ since, until }: DayRange): [bigint, bigint] {
  const secondsOf = (day: Day) => startOf(day) / 1_000_000n;
  const end = until === undefined || until === "9999-12-31" ? SECONDS.end : secondsOf(nextDay(until));
  return [since === undefined ? SECONDS.first : secondsOf(since), end];
}

function leaveOut(harness: HarnessDatabase, row: BadRow, { onBadRow }: HarnessOptions): void {
  if (onBadRow) return onBadRow(row);
  throw new TaskError(
    `Cannot export SQLite file "${harness.path}": run "${row.name}" ${row.finding}; correct the row, or leave it out with --skip-bad-rows`,
  );
}
