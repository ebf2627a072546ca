import { arrowStream } from "./arrow.ts";
import { createBuffer } from "../copy/column_buffer.ts";
import { decodeTuples } from "../copy/decode.ts";
import { createTupleWriter } from "../copy/encode.ts";
import type { Column } from "../dataset/dataset.ts";
import { type Chunk, expectCopied, expectSameTypes, toChunk } from "./chunk.ts";
import { type DuckDb } from "./duckdb.ts";
import { literal, quote } from "./quote.ts";
import { TupleColumns, type TupleOptions } from "./tuple_columns.ts";

export type { Chunk } from "./chunk.ts";

/** Options of a `ChunkWriter`. */
export interface ChunkWriterOptions extends TupleOptions {
  /** SQL for the key of a row of SQLite; see `Source.supersedes`. */
  readonly rowKey: string;
}

/** Row groups larger than any chunk, so that every chunk is one. */
const FORMAT = "format parquet, codec zstd, row_group_size 1000000000";

/** Rows that go to DuckDB at a time: fewer cost more each, more hold more memory twice. */
export const INSERT_ROWS = 8_192;

const FILE = "chunk.parquet";
const KEPT = "kept.parquet";

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
  #columns: TupleColumns;
  /** SQL for whether a row of SQLite was superseded. */
  #superseded: string;
  /** Rows in the table, beside those in the columns. */
  #inserted = 0;
  /** Whether there are rows of a file among them. */
  #hasKept = false;
  /** Whether the types in a file were compared: asked of every chunk, they would cost a fifth of all comparing. */
  #hasSameTypes = false;

  constructor(db: DuckDb, options: ChunkWriterOptions) {
    this.#db = db;
    this.#options = options;
    this.#columns = new TupleColumns(options);
    this.#superseded = `source = 'sqlite' and ${options.rowKey} in (select key from superseded)`;
    // Statements over 76 columns cost more to optimize than to run, and none of these has anything to gain.
    db.run("pragma disable_optimizer");
    db.run("create table superseded (key varchar)");
    this.#begin();
  }

  addTuples(block: Uint8Array): void {
    this.#columns.add(block);
    if (this.#columns.rows >= INSERT_ROWS) this.#insert();
  }

  /** Appends the rows that a file has of one source, but for those that were superseded. */
  addKept(file: Uint8Array, source: string): void {
    this.#insert();
    this.#withFile(file, () => this.#db.run(this.#keptSql(source)));
    this.#inserted = Number(this.#db.one("select count(*) from chunk")[0]);
    this.#hasKept = true;
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
    if (this.#inserted === 0) return undefined;
    this.#db.run("commit");
    // Tuples of one source alone come in order.
    const isOrdered = this.#columns.isOrdered && !this.#hasKept;
    const order = isOrdered ? "" : ` order by ${dataset.sort.map(quote).join(", ")}`;
    this.#db.run(`copy (select * from chunk${order}) to 'memory/${FILE}' (${FORMAT})`);
    const copied = { dataset, table: "chunk", rows: this.#inserted };
    expectCopied(this.#db, `memory/${FILE}`, copied);
    if (!this.#hasSameTypes) expectSameTypes(this.#db, `memory/${FILE}`, copied);
    this.#hasSameTypes = true;
    this.#begin();
    return toChunk(this.#db, FILE, dataset);
  }

  /** Leaves the engine as it was found, without a chunk. */
  close(): void {
    this.#db.run("rollback; drop table superseded");
  }

  /** Batches of one transaction become the table as they are; committed one by one, they would be copied into it. */
  #begin(): void {
    const columns = this.#options.dataset.columns.map(({ name, duckdbType }) => `${quote(name)} ${duckdbType}`);
    this.#db.run(`create or replace table chunk (${columns}); begin transaction`);
    this.#columns.restart();
    [this.#inserted, this.#hasKept] = [0, false];
  }

  /** Brings the rows from the columns into the table. */
  #insert(): void {
    const { buffers, rows } = this.#columns;
    if (rows > 0) {
      const stream = arrowStream(buffers, rows);
      this.#db.insertArrow("chunk", stream.sizeBytes, stream.write);
    }
    this.#inserted += rows;
    this.#columns.clear();
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
