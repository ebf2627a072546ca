import { createHash } from "node:crypto";
import { arrowStream } from "./arrow_ipc.ts";
import { createBuffer, truncateRows } from "./column_buffer.ts";
import { decodeTuples, fieldOf } from "./copy_binary.ts";
import { CopyFormatError, CopyValueError } from "./copy_errors.ts";
import type { Column } from "./dataset.ts";
import { type DuckDb, literal, quote } from "./duckdb.ts";
import { TaskError } from "./errors.ts";
import { createTupleWriter } from "./tuple_writer.ts";

/** A row left out of a part: which one and why, without its value. */
export interface BadRow {
  /** Its run_id. */
  readonly run: string;
  /** Its kind of source. */
  readonly source: string;
  /** Column and finding. */
  readonly finding: string;
}

/** A finished part. */
export interface Part {
  /** Rows by source. */
  readonly rows: Readonly<Record<string, number>>;
  /** First created_at, in microseconds since 1970, as digits. */
  readonly minCreatedAt: string;
  /** Last created_at, likewise. */
  readonly maxCreatedAt: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** The Parquet file, valid until the next part is begun. */
  readonly bytes: Uint8Array;
}

/** Options of `createPartWriter`. */
export interface PartWriterOptions {
  /** Columns in file order. */
  readonly columns: readonly Column[];
  /** Names of the columns in the order of a tuple's fields. */
  readonly fields: readonly string[];
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
  /** Called with each row that has no representation, which is then left out; without it the part fails. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** Makes one part after another: tuples and kept rows in, a verified Parquet file out. */
export interface PartWriter {
  /** Appends the tuples of a block. */
  addTuples(block: Uint8Array): void;
  /** Appends the rows of an existing part, but for those of some sources and those that were superseded. */
  addKept(bytes: Uint8Array, without: readonly string[]): void;
  /** Keys of SQLite rows that are left out of every kept part from now on; see `Source.supersedes`. */
  supersede(keys: readonly string[]): void;
  /** Writes and verifies the part; undefined where it has no rows. */
  finish(): Part | undefined;
}

/** Larger than any part, so that every file has one row group. */
const ROW_GROUP_SIZE = 1_000_000_000;

/** Rows that go to DuckDB at a time: fewer cost more each, more hold more memory twice. */
export const INSERT_ROWS = 12_288;

const FILE = "part.parquet";

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

/** A writer on one DuckDB.
 *
 * Errors: TaskError naming column and run for a value without a representation, and for a part that does not read back
 * as it was staged.
 */
export function createPartWriter(db: DuckDb, options: PartWriterOptions): PartWriter {
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
    addKept(bytes, without) {
      insertTuples();
      db.putFile("kept.parquet", bytes);
      db.run(keptSql(db, options, without));
      db.dropFile("kept.parquet");
      staged = Number(db.one("select count(*) from stage")[0]);
      mixed = true;
    },
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
      writePart(db, mixed);
      const part = verifyPart(db, options.columns, staged);
      createStage();
      staged = 0;
      mixed = false;
      last = FIRST_MICROS;
      return part;
    },
  };
}

/** The INSERT of the kept rows: columns by name, in today's types. */
function keptSql(db: DuckDb, { columns, redacted }: PartWriterOptions, without: readonly string[]): string {
  const there = new Set(db.query("select * from read_parquet('memory/kept.parquet') limit 0").columns);
  const values = columns.map(({ name, duckdbType }) =>
    there.has(name) && !redacted.includes(name)
      ? `cast(${quote(name)} as ${duckdbType})`
      : `cast(null as ${duckdbType})`
  );
  const gone = without.length === 0 ? "false" : `source in (${without.map(literal)})`;
  const superseded = `source = 'sqlite'
    and coalesce(execution_id, coalesce(run_id || '@', '') || epoch_us(created_at)) in (select key from superseded)`;
  return `insert into stage select ${values} from read_parquet('memory/kept.parquet')
    where (${gone}) is not true and (${superseded}) is not true`;
}

/** Writes the staged rows; tuples alone come in order, together with kept rows they are sorted. */
function writePart(db: DuckDb, sorted: boolean): void {
  const order = sorted ? " order by created_at, source, run_id, execution_id" : "";
  db.run(
    `copy (select * from stage${order}) to 'memory/${FILE}' (format parquet, codec zstd, row_group_size ${ROW_GROUP_SIZE})`,
  );
}

/** Reads the written part back and compares it with the stage: row group, types, and every row by its hash. */
function verifyPart(db: DuckDb, columns: readonly Column[], expected: number): Part {
  const file = `read_parquet('memory/${FILE}')`;
  const staged = db.one(digestSql(columns, "stage"));
  const written = db.one(digestSql(columns, file));
  if (staged[0] !== `${expected}`) throw new Error(`DuckDB staged ${staged[0]} of ${expected} rows`);
  if (staged.join() !== written.join()) throw new Error("the written part does not hold the staged rows");
  const group = db.one(`select max(row_group_id), max(row_group_num_rows) from parquet_metadata('memory/${FILE}')`);
  if (group.join() !== `0,${expected}`) throw new Error("the written part has more than one row group");
  const bytes = db.fileBytes(FILE);
  const [postgres, sqlite, minCreatedAt, maxCreatedAt] = written.slice(4);
  return {
    rows: Object.fromEntries(Object.entries({ postgres, sqlite }).map(([source, rows]) => [source, Number(rows)])),
    minCreatedAt: minCreatedAt!,
    maxCreatedAt: maxCreatedAt!,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    bytes,
  };
}

/** Rows, two mixtures of all rows' hashes, the types, rows by source, and the bounds of created_at. */
function digestSql(columns: readonly Column[], table: string): string {
  const list = columns.map((column) => quote(column.name)).join(", ");
  return `select count(*), bit_xor(h), sum(h::hugeint), any_value(types), count(*) filter (source = 'postgres'),
    count(*) filter (source = 'sqlite'), epoch_us(min(created_at)), epoch_us(max(created_at))
    from (select hash(${list}) as h, typeof(row(${list})) as types, source, created_at from ${table})`;
}

function textOf(error: CopyValueError, field: number): string {
  const bytes = fieldOf(error.tuple, field);
  return bytes === null ? "" : new TextDecoder().decode(bytes);
}

function valueError({ run, finding }: BadRow): TaskError {
  return new TaskError(`Cannot export run "${run}": ${finding}; correct the row, or leave it out with --skip-bad-rows`);
}
