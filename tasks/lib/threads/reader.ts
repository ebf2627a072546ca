import { fieldOrder } from "../dataset/dataset.ts";
import type { BadRow, Segment, SharedSnapshot } from "../dataset/source.ts";
import type { StoredGroup } from "../parquet/sent_chunk.ts";
import { type DuckDb, openDuckDb } from "../parquet/duckdb.ts";
import type { DirectWriter } from "../parquet/direct_writer.ts";
import { ChunkWriter, type ChunkWriterOptions } from "../parquet/writer.ts";
import { closeConnection, type Sql } from "../postgres/connection.ts";
import { copyOut } from "../postgres/copy_out.ts";
import { joinSnapshot } from "../sources/session.ts";
import type { ServerTarget } from "../task/target.ts";
import { readFileRows, readGroup } from "./file_rows.ts";
import { Groups, type GroupWriter } from "./groups.ts";
import { type FileRun, FRAME_BYTES, type RunEvent, type TableRun, type ThreadOptions } from "./messages.ts";
import { TableRows } from "./table_rows.ts";

/** Reads what it is told to and makes row groups of it, one request after another.
 *
 * Errors: TaskError for rows that cannot be exported and files that cannot be read; CopyFormatError; the server's own.
 */
export class Reader {
  #emit: (event: RunEvent) => void;
  #engine: Promise<DuckDb> | undefined;
  #options: ThreadOptions | undefined;
  #chunkWriter: Promise<ChunkWriter> | undefined;
  #directWriter: Promise<DirectWriter> | undefined;
  /** Resolves when the engine is free of the writer before. */
  #isFree: Promise<void> = Promise.resolve();
  #badRows: BadRow[] = [];
  #session: { readonly sql: Sql; readonly snapshot: SharedSnapshot } | undefined;
  #expected: TableRows | undefined;

  constructor(emit: (event: RunEvent) => void) {
    this.#emit = emit;
  }

  /** Starts the engine where there is code for it, and else loads what writes without one. */
  prepare(code?: WebAssembly.Module): void {
    const prepared: Promise<unknown> = code === undefined ? loadDirectWriter() : this.#startEngine(code);
    // Whoever needs it is told.
    prepared.catch(() => {});
  }

  /** Makes row groups by other options from now on. */
  open(options: ThreadOptions): void {
    this.#isFree = this.#chunkWriter?.then((writer) => writer.close()) ?? this.#isFree;
    [this.#options, this.#chunkWriter, this.#directWriter] = [options, undefined, undefined];
    // It is made beside its session; whoever needs it is told.
    for (const made of [this.#isFree, this.#writer()]) made.catch(() => {});
  }

  /** The server that it reads from by itself. */
  get target(): ServerTarget | undefined {
    return this.#session?.snapshot.target;
  }

  /** Opens a session that sees a snapshot; false where there is none to be had. */
  async join(snapshot: SharedSnapshot): Promise<boolean> {
    const sql = await joinSnapshot(snapshot);
    this.#session = sql && { sql, snapshot };
    return sql !== undefined;
  }

  /** Ends its session. */
  async leave(): Promise<void> {
    await closeConnection(this.#session!.sql);
    this.#session = undefined;
  }

  /** Keys of SQLite rows that are left out of all old row groups from now on. */
  async supersede(keys: readonly string[]): Promise<void> {
    (await this.#byEngine()).supersede(keys);
  }

  /** Keys of a row group's SQLite rows. */
  async keysOf(group: StoredGroup): Promise<readonly string[]> {
    return (await this.#byEngine()).keysOf(readGroup(group));
  }

  /** Reads a table by its own session. */
  async readTable({ sql, segments }: TableRun): Promise<void> {
    const { sql: session, snapshot } = this.#session!;
    const rows = await this.#tableRows(segments);
    const patience = { label: snapshot.target.label, ...snapshot };
    await copyOut(session, sql, { take: (bytes, start, end) => rows.add(bytes, start, end), patience });
    rows.end();
  }

  /** Expects the rows of segments that somebody else reads. */
  async expect(segments: readonly Segment[]): Promise<void> {
    this.#expected = await this.#tableRows(segments);
  }

  /** Takes some messages of their COPY, each behind its length. */
  take(framed: Uint8Array): void {
    const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength);
    for (let at = 0; at < framed.length;) {
      const start = at + FRAME_BYTES;
      at = start + view.getUint32(at);
      this.#expected!.add(framed, start, at);
    }
  }

  /** Ends the expected rows. */
  end(): void {
    this.#expected!.end();
  }

  /** Reads what files have of a day; old row groups, and rows of several files, are the engine's. */
  async readFiles(run: FileRun): Promise<void> {
    const isNew = run.groups.length === 0 && run.stored.length <= 1;
    const writer = isNew ? undefined : await this.#byEngine();
    const groups = this.#groups(writer ?? await this.#writer());
    readFileRows(run, { writer, groups, emit: this.#emit });
  }

  async #tableRows(segments: readonly Segment[]): Promise<TableRows> {
    return new TableRows(segments, fieldOrder(this.#options!.writer.dataset), this.#groups(await this.#writer()));
  }

  #groups(writer: GroupWriter | undefined): Groups {
    return new Groups({ writer, takeBadRows: () => this.#badRows.splice(0), emit: this.#emit });
  }

  /** Who writes rows that come in order. */
  async #writer(): Promise<GroupWriter | undefined> {
    const { kind } = this.#options!;
    if (kind === undefined) return undefined;
    return kind === "direct" ? await (this.#directWriter ??= this.#openDirect()) : await this.#byEngine();
  }

  #byEngine(): Promise<ChunkWriter> {
    return this.#chunkWriter ??= this.#openByEngine();
  }

  async #openByEngine(): Promise<ChunkWriter> {
    await this.#isFree;
    return new ChunkWriter(await this.#startEngine(this.#options!.code), this.#writerOptions());
  }

  #startEngine(code?: WebAssembly.Module): Promise<DuckDb> {
    return this.#engine ??= openDuckDb(code);
  }

  async #openDirect(): Promise<DirectWriter> {
    const { DirectWriter } = await loadDirectWriter();
    return new DirectWriter(this.#writerOptions());
  }

  #writerOptions(): ChunkWriterOptions {
    const { writer, skipBadRows } = this.#options!;
    return { ...writer, onBadRow: skipBadRows ? (row: BadRow) => void this.#badRows.push(row) : undefined };
  }
}

/** With its reader, which no other writer needs. */
const loadDirectWriter = () => import("../parquet/direct_writer.ts");
