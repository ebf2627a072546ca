import type { QueryResult } from "../parquet/duckdb.ts";

/** A file of the lake. */
export interface LakeFile {
  /** Its path. */
  readonly path: string;
  /** Where it was exported to: the name of its lane, without the dataset's. */
  readonly lane: string;
  /** Its UTC day. */
  readonly dt: string;
}

/** What the query worker is told; it does one after another, and answers each once. */
export type QueryRequest =
  | {
    readonly kind: "open";
    readonly code: WebAssembly.Module;
    /** The text of catalog.sql. */
    readonly catalog: string;
    /** The exported files, by dataset. */
    readonly files: ReadonlyMap<string, readonly LakeFile[]>;
    /** SQL of the queries that will be asked. */
    readonly queries: readonly string[];
    /** Bytes that tables made of the files may take; more is refused. */
    readonly maxBytes: number;
  }
  | { readonly kind: "query"; readonly sql: string };

/** What the query worker answers. */
export type QueryReply =
  | { readonly kind: "done"; /** To "query". */ readonly result?: QueryResult }
  | { readonly kind: "failed"; readonly message: string }
  /** To "open": the tables would take so many bytes. */
  | { readonly kind: "large"; readonly sizeBytes: number };

/** What the query worker tells while it opens the lake. */
export interface QueryProgress {
  /** Distinguishes it from replies. */
  readonly kind: "progress";
  /** Files whose footers were read, of all that are needed. */
  readonly files: number;
  /** How many are needed. */
  readonly of: number;
}
