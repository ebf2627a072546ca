import { arrowStream } from "./arrow.ts";
import { type ColumnBuffer, createBuffer, truncateRows } from "../copy/column_buffer.ts";
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
  readonly rows: Readonly<Record<string, number>>;
  /** SHA-256 of the row group's bytes, in hexadecimal. */
  readonly sha256: string;
  /** The file, valid until the next chunk is begun. */
  readonly bytes: Uint8Array;
}

/** Options of a `ChunkWriter`. */
export interface ChunkWriterOptions {
  /** What is written; a tuple has its fields in `fieldOrder`. */
  readonly dataset: Pick<Dataset, "columns" | "day" | "label" | "sort" | "hasSources">;
  /** SQL for the key of a row of SQLite; see `Source.supersedes`. */
  readonly rowKey: string;
  /** Called with each row that has no representation, which is then left out; without it the chunk fails. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** Row groups larger than any chunk, so that every chunk is one. */
const FORMAT = "format parquet, codec zstd, row_group_size 1000000000";

/** Rows that go to DuckDB at a time: fewer cost more each, more hold more memory twice. */
export const INSERT_ROWS = 8_192;

const FILE = "chunk.parquet";
const KEPT = "kept.parquet";

/** Before every day. */
const FIRST_INSTANT = -(1n << 63n);

const KEPT_ROWS = `read_parquet('memory/${KEPT}')`;

const KEY: Column = {
  name: "key",
  postgresType: "text",
  duckdbType: "VARCHAR",
  layout: "text",
  precision: 0,
  scale: 0,
};

/** Makes one chunk after another on one DuckDB: tuples and kept rows in, a verified Parquet file of one row group out.
 *
 * Shape: kept rows come as Parquet files of one row group each.
 * Errors: TaskError naming column and row for a value without a representation; Error for a chunk that does not
 * read back as it was inserted.
 */
export class ChunkWriter {
  #db: DuckDb;
  #options: ChunkWriterOptions;
  #buffers: readonly ColumnBuffer[];
  /** The buffers in the order of a tuple's fields. */
  #fields: readonly ColumnBuffer[];
  /** SQL for whether a row of SQLite was superseded. */
  #superseded: string;
  /** Rows in the buffers, and in the table. */
  #rows = 0;
  #inserted = 0;
  /** Whether rows of several sources come, one source after another. */
  #mixed = false;
  #last = FIRST_INSTANT;

  constructor(db: DuckDb, options: ChunkWriterOptions) {
    this.#db = db;
    this.#options = options;
    this.#buffers = options.dataset.columns.map(createBuffer);
    this.#fields = fieldOrder(options.dataset).map(({ name }) =>
      this.#buffers.find(({ column }) => column.name === name)!
    );
    this.#superseded = `source = 'sqlite' and ${options.rowKey} in (select key from superseded)`;
    // Statements over 76 columns cost more to optimize than to run, and none of these has anything to gain.
    db.run("pragma disable_optimizer");
    db.run("create table superseded (key varchar)");
    this.#begin();
  }

  addTuples(block: Uint8Array): void {
    const before = this.#rows;
    this.#rows = this.#decode(block);
    if (this.#rows > before) {
      this.#mixed ||= this.#instantOf(before) < this.#last;
      this.#last = this.#instantOf(this.#rows - 1);
    }
    if (this.#rows >= INSERT_ROWS) this.#insert();
  }

  /** Appends the rows that a file has of one source, but for those that were superseded. */
  addKept(file: Uint8Array, source: string): void {
    this.#insert();
    this.#withFile(file, () => this.#db.run(this.#keptSql(source)));
    this.#inserted = Number(this.#db.one("select count(*) from chunk")[0]);
    this.#mixed = true;
  }

  /** Keys of SQLite rows that are left out of all kept rows from now on; see `Source.supersedes`. */
  supersede(keys: readonly string[]): void {
    if (keys.length === 0) return;
    const writer = createTupleWriter([KEY]);
    const text = new TextEncoder();
    for (const key of keys) writer.append([text.encode(key)]);
    const buffer = createBuffer(KEY);
    const stream = arrowStream([buffer], decodeTuples(writer.take(), [buffer], { rows: 0 }));
    this.#db.insertArrow("superseded", stream.sizeBytes, stream.write);
  }

  countSuperseded(file: Uint8Array): number {
    const sql = `select count(*) from ${KEPT_ROWS} where ${this.#superseded}`;
    return this.#withFile(file, () => Number(this.#db.one(sql)[0]));
  }

  /** Keys of a file's SQLite rows: the execution's id, or what stands for it; see `Source.supersedes`. */
  keysOf(file: Uint8Array): string[] {
    const sql = `select ${this.#options.rowKey} as key from ${KEPT_ROWS} where source = 'sqlite'`;
    return this.#withFile(file, () => this.#db.query(sql).rows.map(([key]) => key!));
  }

  /** Writes and verifies the chunk; undefined where it has no rows. */
  finish(): Chunk | undefined {
    const { dataset } = this.#options;
    this.#db.dropFile(FILE);
    this.#insert();
    let chunk: Chunk | undefined;
    if (this.#inserted > 0) {
      this.#db.run("commit");
      // Tuples of one source alone come in order.
      const order = this.#mixed ? ` order by ${dataset.sort.map(quote).join(", ")}` : "";
      this.#db.run(`copy (select * from chunk${order}) to 'memory/${FILE}' (${FORMAT})`);
      chunk = verifyChunk(this.#db, dataset, this.#inserted);
      this.#begin();
    }
    this.#inserted = 0;
    this.#mixed = false;
    this.#last = FIRST_INSTANT;
    return chunk;
  }

  /** Batches of one transaction become the table as they are; committed one by one, they would be copied into it. */
  #begin(): void {
    const columns = this.#options.dataset.columns.map(({ name, duckdbType }) => `${quote(name)} ${duckdbType}`);
    this.#db.run(`create or replace table chunk (${columns}); begin transaction`);
  }

  #decode(block: Uint8Array): number {
    const { dataset, onBadRow } = this.#options;
    const leaveOut = onBadRow && ((error: CopyValueError) => onBadRow(badRowOf(error, dataset)));
    try {
      return decodeTuples(block, this.#fields, { rows: this.#rows, onBadRow: leaveOut });
    } catch (error) {
      if (error instanceof CopyFormatError) {
        throw new TaskError(`Cannot read rows: ${error.message}; run the export again`);
      }
      throw error instanceof CopyValueError ? valueError(badRowOf(error, dataset), dataset) : error;
    }
  }

  #instantOf(row: number): bigint {
    const [{ column, words, values }] = this.#fields;
    return column.layout === "date" ? BigInt(words[row]) : new DataView(values.buffer).getBigInt64(8 * row, true);
  }

  /** Brings the rows from the buffers into the table. */
  #insert(): void {
    if (this.#rows > 0) {
      const stream = arrowStream(this.#buffers, this.#rows);
      this.#db.insertArrow("chunk", stream.sizeBytes, stream.write);
    }
    this.#inserted += this.#rows;
    this.#rows = 0;
    for (const buffer of this.#buffers) truncateRows(buffer, 0, 0);
  }

  /** Runs a piece of work while a file is readable as KEPT. */
  #withFile<T>(file: Uint8Array, work: () => T): T {
    this.#db.dropFile(KEPT);
    this.#db.putFile(KEPT, file);
    try {
      return work();
    } finally {
      this.#db.dropFile(KEPT);
    }
  }

  /** The INSERT of the kept rows: columns by name, in today's types. */
  #keptSql(source: string): string {
    const there = new Set(this.#db.query(`select * from ${KEPT_ROWS} limit 0`).columns);
    const values = this.#options.dataset.columns.map(({ name, duckdbType, isRedacted }) =>
      `cast(${there.has(name) && !isRedacted ? quote(name) : "null"} as ${duckdbType})`
    );
    return `insert into chunk select ${values} from ${KEPT_ROWS}
      where source = ${literal(source)} and (${this.#superseded}) is not true`;
  }
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

function badRowOf({ tuple, column, message }: CopyValueError, dataset: ChunkWriterOptions["dataset"]): BadRow {
  const order = fieldOrder(dataset);
  const text = (name: string) => {
    const field = order.findIndex((column) => column.name === name);
    return textOf(fieldOf(tuple, field), order[field]);
  };
  const source = dataset.hasSources ? text("source") : "postgres";
  return { name: text(dataset.label.column), source, finding: `column "${column}" ${message}` };
}

/** A field as text; a uuid as its digits. */
function textOf(bytes: Uint8Array | null, { layout }: Column): string {
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
