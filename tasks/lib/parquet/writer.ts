import { arrowStream } from "./arrow.ts";
import { createBuffer, truncateRows } from "../copy/column_buffer.ts";
import { decodeTuples, fieldOf } from "../copy/decode.ts";
import { CopyFormatError, CopyValueError } from "../copy/errors.ts";
import { type Column, type Dataset, fieldOrder } from "../dataset/dataset.ts";
import { type DuckDb, literal, quote } from "./duckdb.ts";
import { TaskError } from "../task/errors.ts";
import { splitFile } from "./footer.ts";
import type { BadRow } from "../dataset/source.ts";
import { createTupleWriter } from "../copy/encode.ts";
import { sha256 } from "../task/digest.ts";

/** A finished chunk: a Parquet file of one row group. */
export interface Chunk {
  /** Rows by source. */
  readonly rows: Readonly<Record<string, number>>;
  /** SHA-256 of the row group's bytes, in hexadecimal. */
  readonly sha256: string;
  /** The file, valid until the next chunk is begun. */
  readonly bytes: Uint8Array;
}

/** Options of `createChunkWriter`. */
export interface ChunkWriterOptions {
  /** What is written; a tuple has its fields in `fieldOrder`. */
  readonly dataset: Pick<Dataset, "columns" | "day" | "label" | "sort" | "hasSources">;
  /** SQL for the key of a row of SQLite; see `Source.supersedes`. */
  readonly rowKey: string;
  /** Called with each row that has no representation, which is then left out; without it the chunk fails. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** Makes one chunk after another: tuples and kept rows in, a verified Parquet file of one row group out.
 *
 * Shape: kept rows come as Parquet files of one row group each.
 */
export interface ChunkWriter {
  /** Appends the tuples of a block. */
  addTuples(block: Uint8Array): void;
  /** Appends the rows that a file has of one source, but for those that were superseded. */
  addKept(file: Uint8Array, source: string): void;
  /** Keys of SQLite rows that are left out of all kept rows from now on; see `Source.supersedes`. */
  supersede(keys: readonly string[]): void;
  /** How many rows of a file were superseded. */
  countSuperseded(file: Uint8Array): number;
  /** Keys of a file's SQLite rows: the execution's id, or what stands for it; see `Source.supersedes`. */
  keysOf(file: Uint8Array): string[];
  /** Writes and verifies the chunk; undefined where it has no rows. */
  finish(): Chunk | undefined;
}

/** Larger than any chunk, so that every chunk has one row group. */
const ROW_GROUP_SIZE = 1_000_000_000;

/** Rows that go to DuckDB at a time: fewer cost more each, more hold more memory twice. */
export const INSERT_ROWS = 8_192;

const FILE = "chunk.parquet";
const KEPT = "kept.parquet";

/** Before every day. */
const FIRST_INSTANT = -(1n << 63n);

const KEY: Column = {
  name: "key",
  postgresType: "text",
  duckdbType: "VARCHAR",
  layout: "text",
  precision: 0,
  scale: 0,
};

/** A writer on one DuckDB.
 *
 * Errors: TaskError naming column and row for a value without a representation; Error for a chunk that does not
 * read back as it was inserted.
 */
export function createChunkWriter(db: DuckDb, options: ChunkWriterOptions): ChunkWriter {
  const { dataset } = options;
  const buffers = dataset.columns.map(createBuffer);
  const order = fieldOrder(dataset);
  const fields = order.map((column) => buffers.find((buffer) => buffer.column.name === column.name)!);
  const placeOf = (name: string) => order.findIndex((column) => column.name === name);
  const badRowOf = (error: CopyValueError): BadRow => ({
    name: textOf(error, order[placeOf(dataset.label.column)], placeOf(dataset.label.column)),
    source: dataset.hasSources ? textOf(error, order[placeOf("source")], placeOf("source")) : "postgres",
    finding: `column "${error.column}" ${error.message}`,
  });
  const onBadRow = options.onBadRow && ((error: CopyValueError) => options.onBadRow!(badRowOf(error)));
  let rows = 0;
  // Rows of several sources come one source after another.
  let mixed = false;
  let last = FIRST_INSTANT;
  const [days] = fields;
  const instantOf = (row: number) =>
    days.column.layout === "date"
      ? BigInt(days.words[row])
      : new DataView(days.values.buffer).getBigInt64(8 * row, true);
  const superseded = `source = 'sqlite' and ${options.rowKey} in (select key from superseded)`;
  const chunkSql = `create or replace table chunk (${
    dataset.columns.map((column) => `${quote(column.name)} ${column.duckdbType}`)
  })`;
  // Batches of one transaction become the table as they are; committed one by one, they would be copied into it.
  const createTable = () => db.run(`${chunkSql}; begin transaction`);
  // Statements over 76 columns cost more to optimize than to run, and none of these has anything to gain.
  db.run("pragma disable_optimizer");
  db.run("create table superseded (key varchar)");
  createTable();
  let inserted = 0;
  const insertTuples = () => {
    inserted += rows;
    if (rows > 0) {
      const stream = arrowStream(buffers, rows);
      db.insertArrow("chunk", stream.sizeBytes, stream.write);
    }
    rows = 0;
    for (const buffer of buffers) truncateRows(buffer, 0, 0);
  };
  return {
    addTuples(block) {
      const before = rows;
      try {
        rows = decodeTuples(block, fields, { rows, onBadRow });
      } catch (error) {
        if (error instanceof CopyFormatError) {
          throw new TaskError(`Cannot read rows: ${error.message}; run the export again`);
        }
        throw error instanceof CopyValueError ? valueError(badRowOf(error), dataset) : error;
      }
      if (rows > before) {
        mixed ||= instantOf(before) < last;
        last = instantOf(rows - 1);
      }
      if (rows >= INSERT_ROWS) insertTuples();
    },
    addKept(file, source) {
      insertTuples();
      withFile(db, file, () => db.run(keptSql(db, options, { source, superseded })));
      inserted = Number(db.one("select count(*) from chunk")[0]);
      mixed = true;
    },
    countSuperseded: (file) =>
      withFile(db, file, () => Number(db.one(`select count(*) from ${KEPT_ROWS} where ${superseded}`)[0])),
    keysOf: (file) =>
      withFile(db, file, () => {
        const { rows } = db.query(`select ${options.rowKey} as key from ${KEPT_ROWS} where source = 'sqlite'`);
        return rows.map(([key]) => key!);
      }),
    supersede(keys) {
      const writer = createTupleWriter([KEY]);
      const text = new TextEncoder();
      for (const key of keys) writer.append([text.encode(key)]);
      const buffer = createBuffer(KEY);
      const stream = arrowStream([buffer], decodeTuples(writer.take(), [buffer], { rows: 0 }));
      if (keys.length > 0) db.insertArrow("superseded", stream.sizeBytes, stream.write);
    },
    finish() {
      db.dropFile(FILE);
      insertTuples();
      if (inserted === 0) {
        mixed = false;
        return undefined;
      }
      db.run("commit");
      writeChunk(db, mixed ? dataset.sort : []);
      const chunk = verifyChunk(db, dataset, inserted);
      createTable();
      inserted = 0;
      mixed = false;
      last = FIRST_INSTANT;
      return chunk;
    },
  };
}

const KEPT_ROWS = `read_parquet('memory/${KEPT}')`;

/** Runs a piece of work while a file is readable as KEPT. */
function withFile<T>(db: DuckDb, file: Uint8Array, work: () => T): T {
  db.dropFile(KEPT);
  db.putFile(KEPT, file);
  try {
    return work();
  } finally {
    db.dropFile(KEPT);
  }
}

/** The INSERT of the kept rows: columns by name, in today's types. */
function keptSql(
  db: DuckDb,
  { dataset: { columns } }: ChunkWriterOptions,
  { source, superseded }: { readonly source: string; readonly superseded: string },
): string {
  const there = new Set(db.query(`select * from ${KEPT_ROWS} limit 0`).columns);
  const values = columns.map(({ name, duckdbType, isRedacted }) =>
    there.has(name) && !isRedacted ? `cast(${quote(name)} as ${duckdbType})` : `cast(null as ${duckdbType})`
  );
  return `insert into chunk select ${values} from ${KEPT_ROWS}
    where source = ${literal(source)} and (${superseded}) is not true`;
}

/** Writes the inserted rows; tuples of one source alone come in order, together with kept rows they are sorted. */
function writeChunk(db: DuckDb, sort: readonly string[]): void {
  const order = sort.length > 0 ? ` order by ${sort.map(quote).join(", ")}` : "";
  db.run(
    `copy (select * from chunk${order}) to 'memory/${FILE}' (format parquet, codec zstd, row_group_size ${ROW_GROUP_SIZE})`,
  );
}

/** Reads the written chunk back and compares it with the table: row group, types, and every row by its hash. */
function verifyChunk(db: DuckDb, dataset: ChunkWriterOptions["dataset"], expected: number): Chunk {
  const file = `read_parquet('memory/${FILE}')`;
  const inserted = db.one(digestSql(dataset, "chunk"));
  const written = db.one(digestSql(dataset, file));
  if (inserted[0] !== `${expected}`) throw new Error(`DuckDB holds ${inserted[0]} of ${expected} rows`);
  if (inserted.join() !== written.join()) throw new Error("the written rows are not the inserted ones");
  const group = db.one(`select max(row_group_id), max(row_group_num_rows) from parquet_metadata('memory/${FILE}')`);
  if (group.join() !== `0,${expected}`) throw new Error("the written rows are in more than one row group");
  const bytes = db.fileBytes(FILE);
  const [postgres, sqlite] = written.slice(4);
  return {
    rows: Object.fromEntries(Object.entries({ postgres, sqlite }).map(([source, rows]) => [source, Number(rows)])),
    sha256: sha256(splitFile(bytes).rowGroups),
    bytes,
  };
}

/** Rows, two mixtures of all rows' hashes, the types, and rows by source. */
function digestSql({ columns, hasSources }: ChunkWriterOptions["dataset"], table: string): string {
  const list = columns.map((column) => quote(column.name)).join(", ");
  return `select count(*), bit_xor(h), sum(h::hugeint), any_value(types), count(*) filter (source = 'postgres'),
    count(*) filter (source = 'sqlite')
    from (select hash(${list}) as h, typeof(row(${list})) as types, ${
    hasSources ? "source" : "'postgres' as source"
  } from ${table})`;
}

/** A field of the tuple as text; a uuid as its digits. */
function textOf(error: CopyValueError, { layout }: Column, field: number): string {
  const bytes = fieldOf(error.tuple, field);
  if (bytes === null) return "";
  return layout === "uuid"
    ? bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
    : new TextDecoder().decode(bytes);
}

function valueError({ name, finding }: BadRow, { label }: ChunkWriterOptions["dataset"]): TaskError {
  return new TaskError(
    `Cannot export ${label.noun} "${name}": ${finding}; correct the row, or leave it out with --skip-bad-rows`,
  );
}
