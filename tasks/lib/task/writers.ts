import type { Flag } from "./args.ts";

/** What can write an export's Parquet files: DuckDB, or this project's own code, whose files Arrow reads back. */
export const WRITERS = ["duckdb", "direct"] as const;

/** Name of one of them. */
export type WriterKind = (typeof WRITERS)[number];

/** The flag of tasks that export. */
export const WRITER_FLAG: Flag = {
  type: "string",
  value: "NAME",
  help: "what writes the files: duckdb (default), or direct, which is faster (EXPORT_WRITER)",
};
