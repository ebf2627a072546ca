import { fieldOrder } from "../dataset/dataset.ts";
import type { BadRow, Segment, SharedSnapshot } from "../dataset/source.ts";
import type { StoredGroup } from "../parquet/sent_chunk.ts";
import { type DuckDb, openDuckDb } from "../parquet/duckdb.ts";
import { ChunkWriter } from "../parquet/writer.ts";
import { closeConnection, type Sql } from "../postgres/connection.ts";
import { copyOut } from "../postgres/copy_out.ts";
import { joinSnapshot } from "../sources/session.ts";
import type { ServerTarget } from "../task/target.ts";
import { type FileContext, readFileRows, readGroup } from "./file_rows.ts";
import { Groups } from "./groups.ts";
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
  /** Made beside its session. */
  #writer: Promise<ChunkWriter | undefined> = Promise.resolve(undefined);
  #badRows: BadRow[] = [];
  #session: { readonly sql: Sql; readonly snapshot: SharedSnapshot } | undefined;
  #expected: TableRows | undefined;

  constructor(emit: (event: RunEvent) => void) {
    this.#emit = emit;
  }

  /** Starts the engine, once. */
  startEngine(code: WebAssembly.Module): Promise<DuckDb> {
    this.#engine ??= openDuckDb(code);
    // Whoever needs it is told.
    this.#engine.catch(() => {});
    return this.#engine;
  }

  /** Makes row groups by other options from now on. */
  open(options: ThreadOptions): void {
    this.#options = options;
    this.#writer = this.#openWriter(options, this.#writer);
    this.#writer.catch(() => {});
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
    (await this.#writer)!.supersede(keys);
  }

  /** Keys of a row group's SQLite rows. */
  async keysOf(group: StoredGroup): Promise<readonly string[]> {
    return (await this.#writer)!.keysOf(readGroup(group));
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

  /** Reads what files have of a day. */
  async readFiles(run: FileRun): Promise<void> {
    const context: FileContext = { writer: (await this.#writer)!, groups: await this.#groups(), emit: this.#emit };
    readFileRows(run, context);
  }

  async #tableRows(segments: readonly Segment[]): Promise<TableRows> {
    return new TableRows(segments, fieldOrder(this.#options!.writer.dataset), await this.#groups());
  }

  async #groups(): Promise<Groups> {
    return new Groups({ writer: await this.#writer, takeBadRows: () => this.#badRows.splice(0), emit: this.#emit });
  }

  async #openWriter(
    { code, writer, skipBadRows }: ThreadOptions,
    before: Promise<ChunkWriter | undefined>,
  ): Promise<ChunkWriter | undefined> {
    (await before)?.close();
    if (code === undefined) return undefined;
    const onBadRow = skipBadRows ? (row: BadRow) => void this.#badRows.push(row) : undefined;
    return new ChunkWriter(await this.startEngine(code), { ...writer, onBadRow });
  }
}
