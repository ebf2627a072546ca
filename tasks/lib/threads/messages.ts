import type { BadRow, Segment, SharedSnapshot, SourceKind, StoredTuples } from "../dataset/source.ts";
import type { SentChunk, StoredGroup } from "../parquet/sent_chunk.ts";
import type { ChunkWriterOptions } from "../parquet/writer.ts";
import type { WriterKind } from "../task/writers.ts";

/** Bytes before each message of a COPY that is handed over: its length. */
export const FRAME_BYTES = 4;

/** What a thread is made with. */
export interface ThreadOptions {
  /** Who writes row groups; nobody where rows are only looked at. */
  readonly kind?: WriterKind;
  /** DuckDB's code, where it is known that it will be needed. */
  readonly code?: WebAssembly.Module;
  /** Options of its writers. */
  readonly writer: Omit<ChunkWriterOptions, "onBadRow">;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
}

/** Rows of a table that one COPY gives. */
export interface TableRun {
  /** The COPY. */
  readonly sql: string;
  /** What it gives, in its order. */
  readonly segments: readonly Segment[];
}

/** One kind of source's rows of a day that are in files. */
export interface FileRun {
  /** Whose. */
  readonly kind: SourceKind;
  /** Row groups of the day's old files that may hold some of them. */
  readonly groups: readonly OldRows[];
  /** Whether the source was read: then its new rows may replace old ones. */
  readonly isRead: boolean;
  /** New rows. */
  readonly stored: readonly StoredTuples[];
}

/** An old row group whose rows stay, but for those that new ones replace. */
export interface OldRows {
  /** The row group. */
  readonly group: StoredGroup;
  /** How many rows it has. */
  readonly rows: number;
  /** Whether its bytes can stay as they are. */
  readonly asItIs: boolean;
}

/** What a thread is told that has nothing to do yet, without an answer: what it will write with. */
export interface Hint {
  readonly kind: "ahead";
  /** DuckDB's code; none where it will write directly. */
  readonly code?: WebAssembly.Module;
}

/** What a thread is told. */
export type ThreadRequest =
  | { readonly kind: "open"; readonly options: ThreadOptions }
  | { readonly kind: "join"; readonly snapshot: SharedSnapshot }
  | { readonly kind: "supersede"; readonly keys: readonly string[] }
  | { readonly kind: "keys"; readonly group: StoredGroup }
  | { readonly kind: "table"; readonly run: TableRun }
  | { readonly kind: "files"; readonly run: FileRun }
  | { readonly kind: "expect"; readonly segments: readonly Segment[] }
  | { readonly kind: "rows"; readonly framed: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" }
  | { readonly kind: "leave" };

/** What comes of a run, in the order of its rows. */
export type RunEvent =
  | { readonly kind: "chunk"; readonly chunk: SentChunk }
  | { readonly kind: "copy"; readonly index: number }
  | { readonly kind: "read"; readonly rows: number }
  | { readonly kind: "segment"; readonly result: SegmentResult };

/** What was read of a segment, or of a day's files. */
export interface SegmentResult {
  /** How many rows. */
  readonly rows: number;
  /** SHA-256 of their tuples, in hexadecimal. */
  readonly sha256: string;
  /** Those that were left out. */
  readonly badRows: readonly BadRow[];
}

/** What a thread answers: events of the request that it is at, and then how that has ended. */
export type ThreadReply =
  | RunEvent
  | { readonly kind: "done"; readonly joined?: boolean; readonly keys?: readonly string[] }
  | { readonly kind: "failed"; readonly message: string; readonly exitCode?: number };
