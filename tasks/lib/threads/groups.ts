import { createHash, type Hash } from "node:crypto";
import { groupRows, MAX_GROUP_ROWS } from "../sources/segments.ts";
import type { ChunkWriter } from "../parquet/writer.ts";
import type { BadRow, SourceKind } from "../dataset/source.ts";
import type { RunEvent } from "./messages.ts";

/** Bytes of tuples in one row group at most, so that long texts do not make one that memory cannot hold.
 *
 * An existing row group counts with its size in its file, which is smaller than its tuples.
 */
export const MAX_GROUP_BYTES = 64 * 1024 * 1024;

/** Makes row groups; one without an engine takes no rows of files. */
export type GroupWriter = Pick<ChunkWriter, "addTuples" | "finish"> & Partial<Pick<ChunkWriter, "addKept">>;

/** What row groups are made with. */
export interface GroupsOptions {
  /** Makes them; none where rows are only looked at. */
  readonly writer?: GroupWriter;
  /** Rows that were left out since they were last taken. */
  readonly takeBadRows: () => readonly BadRow[];
  /** Told of every row group, and of what was read. */
  readonly emit: (event: RunEvent) => void;
}

/** The rows of one segment after another, as row groups of its own each. */
export class Groups {
  #options: GroupsOptions;
  #hash: Hash = createHash("sha256");
  /** Rows that were read of the segment, and those that the row group under way has and should have. */
  #read = 0;
  #rows = 0;
  #aim = MAX_GROUP_ROWS;
  #sizeBytes = 0;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Begins a segment of so many rows. */
  begin(rows: number): void {
    this.#hash = createHash("sha256");
    this.#read = 0;
    this.#aim = groupRows(rows);
  }

  /** How many rows the row group under way has room for before it has what it should. */
  get room(): number {
    return Math.max(0, this.#aim - this.#rows);
  }

  /** Appends tuples. */
  add(tuples: Uint8Array, rows: number): void {
    this.#makeRoom(rows, tuples.length);
    this.#hash.update(tuples);
    this.#options.writer?.addTuples(tuples);
    this.#read += rows;
    this.#options.emit({ kind: "read", rows });
    if (this.#rows >= this.#aim) this.cut();
  }

  /** Appends the rows that a Parquet file of one row group has of a kind of source. */
  keep(file: Uint8Array, rows: number, kind: SourceKind): void {
    this.#makeRoom(rows, file.length);
    this.#options.writer!.addKept!(file, kind);
  }

  /** Ends the row group under way. */
  cut(): void {
    [this.#rows, this.#sizeBytes] = [0, 0];
    const chunk = this.#options.writer?.finish();
    // The writer keeps the chunk's own memory for the next one.
    if (chunk !== undefined) this.#options.emit({ kind: "chunk", chunk: { ...chunk, bytes: chunk.bytes.slice() } });
  }

  /** Ends the segment. */
  end(): void {
    if (this.#rows > 0) this.cut();
    const result = { rows: this.#read, sha256: this.#hash.digest("hex"), badRows: this.#options.takeBadRows() };
    this.#options.emit({ kind: "segment", result });
  }

  #makeRoom(rows: number, sizeBytes: number): void {
    const isFull = this.#rows + rows > MAX_GROUP_ROWS || this.#sizeBytes + sizeBytes > MAX_GROUP_BYTES;
    if (this.#rows > 0 && isFull) this.cut();
    this.#rows += rows;
    this.#sizeBytes += sizeBytes;
  }
}
