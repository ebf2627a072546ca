import { literal } from "./duckdb.ts";

/** The path in catalog.sql that stands for the exported files. */
const DEFAULT_FILES = "'data/exports/*/dt=*/checks*.parquet'";

/** The catalog's SQL with a list of files in place of its pattern: no character of a path is taken for a wildcard. */
export function catalogOver(sql: string, files: readonly string[]): string {
  const parts = sql.split(DEFAULT_FILES);
  if (parts.length !== 2) throw new Error(`catalog.sql must hold ${DEFAULT_FILES} once`);
  return parts.join(`[${files.map(literal).join(", ")}]`);
}
