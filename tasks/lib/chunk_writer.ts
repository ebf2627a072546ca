import { createHash } from "node:crypto";
import { arrowStream } from "./arrow_ipc.ts";
import { createBuffer, truncateRows } from "./column_buffer.ts";
import { decodeTuples, fieldOf } from "./copy_binary.ts";
import { CopyFormatError, CopyValueError } from "./copy_errors.ts";
import type { Column } from "./dataset.ts";
import { type DuckDb, literal, quote } from "./duckdb.ts";
import { TaskError } from "./errors.ts";
import { splitFile } from "./parquet_footer.ts";
import { createTupleWriter } from "./tuple_writer.ts";

/** A row left out of a chunk: which one and why, without its value. */
export interface BadRow {
  /** Its run_id. */
  readonly run: string;
  /** Its kind of source. */
  readonly source: string;
  /** Column and finding. */
  readonly finding: string;
}

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
  /** Columns in file order. */
  readonly columns: readonly Column[];
  /** Names of the columns in the order of a tuple's fields. */
  readonly fields: readonly string[];
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
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

/** Before every created_at. */
const FIRST_MICROS = -(1n << 63n);

const KEY: Column = {
  name: "key",
  postgresType: "text",
  duckdbType: "VARCHAR",
  layout: "text",
  precision: 0,
  scale: 0,
};

/** SQL for a SQLite row's key. */
const KEY_SQL = "coalesce(execution_id, coalesce(run_id || '@', '') || epoch_us(created_at))";

const SUPERSEDED = `source = 'sqlite' and ${KEY_SQL} in (select key from superseded)`;

/** A writer on one DuckDB.
 *
 * Errors: TaskError naming column and run for a value without a representation; Error for a chunk that does not
 * read back as it was staged.
 */
export function createChunkWriter(db: DuckDb, options: ChunkWriterOptions): ChunkWriter {
  const buffers = options.columns.map(createBuffer);
  const fields = options.fields.map((name) => buffers.find((buffer) => buffer.column.name === name)!);
  const badRowOf = (error: CopyValueError): BadRow => ({
    run: textOf(error, options.fields.indexOf("run_id")),
    source: textOf(error, options.fields.indexOf("source")),
    finding: `column "${error.column}" ${error.message}`,
  });
  const onBadRow = options.onBadRow && ((error: CopyValueError) => options.onBadRow!(badRowOf(error)));
  let rows = 0;
  // Rows of several sources come one source after another.
  let mixed = false;
  let last = FIRST_MICROS;
  const createdAt = buffers.find((buffer) => buffer.column.name === "created_at")!;
  const microsOf = (row: number) => new DataView(createdAt.values.buffer).getBigInt64(8 * row, true);
  const stageSql = `create or replace table stage (${
    options.columns.map((column) => `${quote(column.name)} ${column.duckdbType}`)
  })`;
  // Batches of one transaction become the table as they are; committed one by one, they would be copied into it.
  const createStage = () => db.run(`${stageSql}; begin transaction`);
  // Statements over 76 columns cost more to optimize than to run, and none of these has anything to gain.
  db.run("pragma disable_optimizer");
  db.run("create table superseded (key varchar)");
  createStage();
  let staged = 0;
  const insertTuples = () => {
    staged += rows;
    if (rows > 0) {
      const stream = arrowStream(buffers, rows);
      db.insertArrow("stage", stream.sizeBytes, stream.write);
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
        throw error instanceof CopyValueError ? valueError(badRowOf(error)) : error;
      }
      if (rows > before) {
        mixed ||= microsOf(before) < last;
        last = microsOf(rows - 1);
      }
      if (rows >= INSERT_ROWS) insertTuples();
    },
    addKept(file, source) {
      insertTuples();
      withFile(db, file, () => db.run(keptSql(db, options, source)));
      staged = Number(db.one("select count(*) from stage")[0]);
      mixed = true;
    },
    countSuperseded: (file) =>
      withFile(db, file, () => Number(db.one(`select count(*) from ${KEPT_ROWS} where ${SUPERSEDED}`)[0])),
    keysOf: (file) =>
      withFile(db, file, () => {
        const { rows } = db.query(`select ${KEY_SQL} as key from ${KEPT_ROWS} where source = 'sqlite'`);
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
      if (staged === 0) {
        mixed = false;
        return undefined;
      }
      db.run("commit");
      writeChunk(db, mixed);
      const chunk = verifyChunk(db, options.columns, staged);
      createStage();
      staged = 0;
      mixed = false;
      last = FIRST_MICROS;
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
function keptSql(db: DuckDb, { columns, redacted }: ChunkWriterOptions, source: string): string {
  const there = new Set(db.query(`select * from ${KEPT_ROWS} limit 0`).columns);
  const values = columns.map(({ name, duckdbType }) =>
    there.has(name) && !redacted.includes(name)
      ? `cast(${quote(name)} as ${duckdbType})`
      : `cast(null as ${duckdbType})`
  );
  return `insert into stage select ${values} from ${KEPT_ROWS}
    where source = ${literal(source)} and (${SUPERSEDED}) is not true`;
}

/** Writes the staged rows; tuples of one source alone come in order, together with kept rows they are sorted. */
function writeChunk(db: DuckDb, sorted: boolean): void {
  const order = sorted ? " order by created_at, source, run_id, execution_id" : "";
  db.run(
    `copy (select * from stage${order}) to 'memory/${FILE}' (format parquet, codec zstd, row_group_size ${ROW_GROUP_SIZE})`,
  );
}

/** Reads the written chunk back and compares it with the stage: row group, types, and every row by its hash. */
function verifyChunk(db: DuckDb, columns: readonly Column[], expected: number): Chunk {
  const file = `read_parquet('memory/${FILE}')`;
  const staged = db.one(digestSql(columns, "stage"));
  const written = db.one(digestSql(columns, file));
  if (staged[0] !== `${expected}`) throw new Error(`DuckDB staged ${staged[0]} of ${expected} rows`);
  if (staged.join() !== written.join()) throw new Error("the written rows are not the staged ones");
  const group = db.one(`select max(row_group_id), max(row_group_num_rows) from parquet_metadata('memory/${FILE}')`);
  if (group.join() !== `0,${expected}`) throw new Error("the written rows are in more than one row group");
  const bytes = db.fileBytes(FILE);
  const [postgres, sqlite] = written.slice(4);
  return {
    rows: Object.fromEntries(Object.entries({ postgres, sqlite }).map(([source, rows]) => [source, Number(rows)])),
    sha256: createHash("sha256").update(splitFile(bytes).rowGroups).digest("hex"),
    bytes,
  };
}

/** Rows, two mixtures of all rows' hashes, the types, and rows by source. */
function digestSql(columns: readonly Column[], table: string): string {
  const list = columns.map((column) => quote(column.name)).join(", ");
  return `select count(*), bit_xor(h), sum(h::hugeint), any_value(types), count(*) filter (source = 'postgres'),
    count(*) filter (source = 'sqlite')
    from (select hash(${list}) as h, typeof(row(${list})) as types, source from ${table})`;
}

function textOf(error: CopyValueError, field: number): string {
  const bytes = fieldOf(error.tuple, field);
  return bytes === null ? "" : new TextDecoder().decode(bytes);
}

function valueError({ run, finding }: BadRow): TaskError {
  return new TaskError(`Cannot export run "${run}": ${finding}; correct the row, or leave it out with --skip-bad-rows`);
}
