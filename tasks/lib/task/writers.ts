/** What can write an export's Parquet files: DuckDB, or this project's own code, which DuckDB reads back. */
export const WRITERS = ["duckdb", "direct"] as const;

/** Name of one of them. */
export type WriterKind = (typeof WRITERS)[number];

/** The writer of a name; undefined where there is none. */
export function parseWriter(name: string): WriterKind | undefined {
  return WRITERS.find((writer) => writer === name);
}
