import type { RowGroup } from "./footer.ts";
import type { Chunk, ChunkWriterOptions } from "./writer.ts";
import type { BadRow } from "../dataset/source.ts";

/** A row group in a file of the lane. */
export interface StoredGroup extends Pick<RowGroup, "start" | "end"> {
  /** The file. */
  readonly path: string;
  /** The end of a Parquet file that holds this row group alone, right behind its magic. */
  readonly footer: Uint8Array<ArrayBuffer>;
}

/** What the chunk worker is told. */
export type ChunkRequest =
  | {
    readonly kind: "open";
    readonly code: WebAssembly.Module;
    readonly options: Omit<ChunkWriterOptions, "onBadRow">;
    readonly skipBadRows: boolean;
  }
  | { readonly kind: "supersede"; readonly keys: readonly string[] }
  | { readonly kind: "tuples"; readonly block: Uint8Array<ArrayBuffer> }
  | { readonly kind: "kept"; readonly group: StoredGroup; readonly source: string }
  | { readonly kind: "superseded" | "keys"; readonly group: StoredGroup }
  | { readonly kind: "finish" };

/** A verified chunk in memory of its own. */
export interface SentChunk extends Chunk {
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What the chunk worker answers to each message. */
export type ChunkReply = ChunkDone | { readonly kind: "failed"; readonly message: string };

/** A message that was done. */
export interface ChunkDone {
  /** Tells it from a failure. */
  readonly kind: "done";
  /** To "tuples": the memory of the block, to be used again. */
  readonly block?: ArrayBuffer;
  /** To "superseded": how many of the row group's rows are. */
  readonly count?: number;
  /** To "keys": those of the row group. */
  readonly keys?: readonly string[];
  /** To "finish": the chunk, where it has rows. */
  readonly chunk?: SentChunk;
  /** To "finish": the rows that were left out. */
  readonly badRows?: readonly BadRow[];
}
