import type { BadRow, Part, PartWriterOptions } from "./part_writer.ts";

/** What the part worker is told. */
export type PartRequest =
  | {
    readonly kind: "open";
    readonly code: WebAssembly.Module;
    readonly options: Omit<PartWriterOptions, "onBadRow">;
    readonly skipBadRows: boolean;
  }
  | { readonly kind: "supersede"; readonly keys: readonly string[] }
  | { readonly kind: "tuples"; readonly block: Uint8Array<ArrayBuffer> }
  | { readonly kind: "kept"; readonly path: string; readonly sha256: string; readonly without: readonly string[] }
  | { readonly kind: "finish"; readonly path: string };

/** A part on the disk under its temporary name, verified and synced. */
export interface StagedPart extends Omit<Part, "bytes"> {
  /** Temporary path. */
  readonly path: string;
  /** Size of the file. */
  readonly sizeBytes: number;
}

/** What the part worker answers to each message. */
export type PartReply = PartDone | { readonly kind: "failed"; readonly message: string };

/** A message that was done. */
export interface PartDone {
  /** Tells it from a failure. */
  readonly kind: "done";
  /** To "tuples": the memory of the block, to be used again. */
  readonly block?: ArrayBuffer;
  /** To "finish": the part, where it has rows. */
  readonly part?: StagedPart;
  /** To "finish": the rows that were left out. */
  readonly badRows?: readonly BadRow[];
}
