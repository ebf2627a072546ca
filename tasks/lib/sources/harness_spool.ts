import { createHash, type Hash } from "node:crypto";
import { createTupleWriter } from "../copy/encode.ts";
import type { Column } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import type { RowKeys, SourceDay, StoredTuples } from "../dataset/source.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { type HarnessCopy, openCopy, type Slice } from "./harness_query.ts";
import { type Converted, type ConvertedRow, createConverter } from "./harness_values.ts";

/** Which rows of a copy are converted, and where to. */
export interface SpoolRequest {
  /** Path of the file that was copied, and of the copy. */
  readonly path: string;
  readonly scratch: string;
  /** Path of an empty file, which gets the tuples. */
  readonly spool: string;
  /** The tuples' fields. */
  readonly columns: readonly Column[];
  /** The SELECT that gives the columns by name. */
  readonly select: string;
  /** Whole days, as seconds from `since` up to before `until`. */
  readonly since: bigint;
  readonly until: bigint;
  /** Whether the rows that are in no day are looked at, before all others. */
  readonly withOdd: boolean;
  /** Own keys of rows that are left out. */
  readonly leftOut?: ReadonlySet<string>;
  /** Whether it goes on after a row that has no representation. */
  readonly skipBadRows: boolean;
}

/** A day of a spool. */
export type SpooledDay = SourceDay & { readonly stored: StoredTuples };

/** What was converted, in the order of the rows. */
export interface Spooled {
  readonly days: ReadonlyMap<Day, SpooledDay>;
  readonly supersedes: readonly RowKeys[];
  /** Rows without a representation; the last row where one fails the export. */
  readonly badRows: readonly { readonly name: string; readonly finding: string }[];
  /** How many seeds of the others are REAL, and so have lost their digits. */
  readonly lostSeeds: number;
}

/** Bytes in a block, about. */
const BLOCK_BYTES = 512 * 1024;

/** Converts rows of a copy to tuples in a file, day by day; `pause` is awaited between slices.
 *
 * Errors: TaskError for a copy that cannot be read, and a file that cannot be written.
 */
export async function spoolRows(request: SpoolRequest, pause: () => Promise<void> | void): Promise<Spooled> {
  using copy = openCopy(request.path, request.scratch);
  using spool = createSpool(request.spool);
  const { sql, convert } = createReader(copy, request);
  const writer = createTupleWriter(request.columns);
  const badRows: { name: string; finding: string }[] = [];
  const supersedes: RowKeys[] = [];
  let lostSeeds = 0;
  let [day, rows]: [Day, number] = ["", 0];
  const flush = () => {
    if (rows > 0) spool.add(day, writer.take(), rows);
    rows = 0;
  };
  const append = (row: ConvertedRow) => {
    if (row.day !== day || writer.sizeBytes > BLOCK_BYTES) flush();
    day = row.day;
    writer.append(row.values);
    rows++;
    supersedes.push(row.keys);
    lostSeeds += row.lostSeeds;
  };
  for (const slice of slicesOf(copy, request)) {
    await pause();
    for (const raw of copy.rows(sql, slice)) {
      const row: Converted = convert(raw);
      if (!("finding" in row)) {
        if (!request.leftOut?.has(row.keys[0])) append(row);
        continue;
      }
      badRows.push(row);
      if (!request.skipBadRows) return { days: new Map(), supersedes, badRows, lostSeeds };
    }
  }
  flush();
  return { days: spool.days(), supersedes, badRows, lostSeeds };
}

function slicesOf(copy: HarnessCopy, { since, until, withOdd }: SpoolRequest): readonly Slice[] {
  const slices = copy.slices(since, until);
  return withOdd ? ["odd", ...slices] : slices;
}

/** A file of tuples that is being written. */
interface Spool extends Disposable {
  add(day: Day, tuples: Uint8Array, rows: number): void;
  days(): ReadonlyMap<Day, SpooledDay>;
}

function createSpool(path: string): Spool {
  const file = Deno.openSync(path, { write: true });
  const days = new Map<Day, { start: number; hash: Hash; blocks: { sizeBytes: number; rows: number }[] }>();
  let end = 0;
  const finish = (
    { start, hash, blocks }: { start: number; hash: Hash; blocks: { sizeBytes: number; rows: number }[] },
  ) => ({
    rows: blocks.reduce((sum, { rows }) => sum + rows, 0),
    fingerprint: hash.digest("hex"),
    stored: { path, start, blocks },
  });
  return {
    add(day, tuples, rows) {
      const found = days.getOrInsertComputed(day, () => ({ start: end, hash: createHash("sha256"), blocks: [] }));
      found.hash.update(tuples);
      found.blocks.push({ sizeBytes: tuples.length, rows });
      writeTuples(file, path, tuples);
      end += tuples.length;
    },
    days: () => new Map([...days].map(([day, found]) => [day, finish(found)])),
    [Symbol.dispose]: () => file.close(),
  };
}

function writeTuples(file: Deno.FsFile, path: string, tuples: Uint8Array): void {
  try {
    for (let at = 0; at < tuples.length;) at += file.writeSync(tuples.subarray(at));
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; make room beside the lane, and export again`);
  }
}

function createReader(copy: HarnessCopy, { select, columns }: SpoolRequest) {
  const isText = (name: string) => columns.some((column) => column.name === name && column.layout === "text");
  const names = copy.columns(select);
  const [texts, others] = [names.filter(isText), names.filter((name) => !isText(name))];
  return { convert: createConverter(columns, { texts, others }), sql: sliceSql(select, texts, others) };
}

/** The rows of a slice in order. Texts come as a list of their lengths, -1 for NULL, and the bytes of all of them packed
 * into one last column: a value of its own for each would cost more than everything else.
 */
function sliceSql(select: string, texts: readonly string[], others: readonly string[]): string {
  const lengths = `concat_ws(',', ${texts.map((name) => `coalesce(octet_length("${name}"), -1)`).join(", ")})`;
  // A separator keeps the end of one text and the start of the next from being one character.
  const pack = `cast(concat(${texts.map((name) => `"${name}"`).join(", char(10), ")}) as blob)`;
  const values = [...others.map((name) => `"${name}"`), lengths, pack].join(", ");
  // Materialized, SQLite does not compute a value once for each place that uses it.
  return `with dataset_rows as materialized (${select})
    select ${values} from dataset_rows order by created_at, run_id, execution_id`;
}
