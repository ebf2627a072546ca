import type { QueryResult } from "../parquet/duckdb.ts";

/** What the query worker is told; it does one after another, and answers each once. */
export type QueryRequest =
  | {
    readonly kind: "open";
    readonly code: WebAssembly.Module;
    /** The text of catalog.sql. */
    readonly catalog: string;
    /** Paths of the exported files, by dataset. */
    readonly files: ReadonlyMap<string, readonly string[]>;
  }
  | { readonly kind: "query"; readonly sql: string };

/** What the query worker answers. */
export type QueryReply =
  | { readonly kind: "done"; /** To "query". */ readonly result?: QueryResult }
  | { readonly kind: "failed"; readonly message: string };
