import { arrowStream } from "./arrow.ts";
import { badRowError, badRowOf } from "./bad_row.ts";
import { type ColumnBuffer, createBuffer, truncateRows } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { CopyFormatError, CopyValueError } from "../copy/errors.ts";
import { type Column, type Dataset, fieldOrder } from "../dataset/dataset.ts";
import { type Chunk, expectCopied, expectSameTypes, toChunk } from "./chunk.ts";
import { DirectFile } from "./direct_file.ts";
import { type DuckDb } from "./duckdb.ts";
import { literal, quote } from "./quote.ts";
import { TaskError } from "../task/errors.ts";
import type { BadRow } from "../dataset/source.ts";
import { createTupleWriter } from "../copy/encode.ts";
import type { WriterKind } from "../task/writers.ts";
import { expectReadsBack } from "./read_back.ts";

export type { Chunk } from "./chunk.ts";

/** Options of a `ChunkWriter`. */
export interface ChunkWriterOptions {
  /** What is written; a tuple has its fields in `fieldOrder`. */
  readonly dataset: Pick<Dataset, "columns" | "day" | "label" | "sort" | "hasSources">;
  /** SQL for the key of a row of SQLite; see `Source.supersedes`. */
  readonly rowKey: string;
  /** Who writes the chunks; DuckDB where it is left out, and those that it must sort or take kept rows into. */
  readonly kind?: WriterKind;
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
  /** Undefined where DuckDB writes. */
  #direct: DirectFile | undefined;
  /** Rows in the buffers, and in the table. */
  #rows = 0;
  #inserted = 0;
  /** Whether rows of several sources come, one source after another. */
  #mixed = false;
  #last = FIRST_INSTANT;
  /** Whether the types in a file were compared: asked of every chunk, they would cost a fifth of all comparing. */
  #hasSameTypes = false;

  constructor(db: DuckDb, options: ChunkWriterOptions) {
    this.#db = db;
    this.#options = options;
    this.#direct = options.kind === "direct" ? new DirectFile() : undefined;
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
    if (this.#rows >= INSERT_ROWS && !this.#isDirect) this.#insert();
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
    this.#db.dropFile(FILE);
    const chunk = this.#isDirect ? this.#writeDirect() : this.#writeByEngine();
    this.#inserted = 0;
    this.#mixed = false;
    this.#last = FIRST_INSTANT;
    return chunk;
  }

  /** Leaves the engine as it was found, without a chunk. */
  close(): void {
    this.#db.run("rollback; drop table superseded");
  }

  /** Whether the chunk so far can go without the engine: rows of the buffers alone, in order. */
  get #isDirect(): boolean {
    return this.#direct !== undefined && this.#inserted === 0 && !this.#mixed;
  }

  #writeDirect(): Chunk | undefined {
    const rows = this.#rows;
    if (rows === 0) return undefined;
    this.#db.putFile(FILE, this.#direct!.write(this.#buffers, rows));
    expectReadsBack(this.#db, `memory/${FILE}`, { buffers: this.#buffers, rows });
    this.#clear();
    return toChunk(this.#db, FILE, this.#options.dataset);
  }

  #writeByEngine(): Chunk | undefined {
    const { dataset } = this.#options;
    this.#insert();
    if (this.#inserted === 0) return undefined;
    this.#db.run("commit");
    // Tuples of one source alone come in order.
    const order = this.#mixed ? ` order by ${dataset.sort.map(quote).join(", ")}` : "";
    this.#db.run(`copy (select * from chunk${order}) to 'memory/${FILE}' (${FORMAT})`);
    const copied = { dataset, table: "chunk", rows: this.#inserted };
    expectCopied(this.#db, `memory/${FILE}`, copied);
    if (!this.#hasSameTypes) expectSameTypes(this.#db, `memory/${FILE}`, copied);
    this.#hasSameTypes = true;
    this.#begin();
    return toChunk(this.#db, FILE, dataset);
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
      throw error instanceof CopyValueError ? badRowError(badRowOf(error, dataset), dataset) : error;
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
    this.#clear();
  }

  #clear(): void {
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
