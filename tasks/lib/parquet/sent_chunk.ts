import type { RowGroup } from "./footer.ts";
import type { Chunk } from "./chunk.ts";

/** A row group in a file of the lane. */
export interface StoredGroup extends Pick<RowGroup, "start" | "end"> {
  /** The file. */
  readonly path: string;
  /** The end of a Parquet file that holds this row group alone, right behind its magic. */
  readonly footer: Uint8Array<ArrayBuffer>;
}

/** A verified chunk in memory of its own. */
export interface SentChunk extends Chunk {
  /** The file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}
