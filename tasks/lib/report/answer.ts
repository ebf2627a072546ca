import type { NamedQuery } from "../analytics/queries.ts";
import type { QueryResult } from "../parquet/duckdb.ts";

/** A named query and what it returned. */
export interface Answer extends Pick<NamedQuery, "name" | "description" | "sql"> {
  /** Its rows. */
  readonly result: QueryResult;
}

/** A row by its columns, as text. */
export type Row = Readonly<Record<string, string | null>>;

/** The rows of an answer, by column. */
export function toRows({ columns, rows }: QueryResult): Row[] {
  return rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])));
}

/** A value as a number, for drawing and comparing only; NaN where it is none. */
export function numberOf(value: string | null | undefined): number {
  return value === null || value === undefined || value === "" ? NaN : Number(value);
}

/** The rows whose columns all hold finite numbers. */
export function rowsWith(rows: readonly Row[], ...columns: readonly string[]): Row[] {
  return rows.filter((row) => columns.every((column) => Number.isFinite(numberOf(row[column]))));
}

/** A name of a group, where NULL is one, too. */
export function nameOf(value: string | null | undefined): string {
  return value ?? "NULL";
}

/** Names in a column, those with the largest sum of another column first. */
export function namesBy(rows: readonly Row[], column: string, weight: string): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    const name = nameOf(row[column]);
    sums.set(name, (sums.get(name) ?? 0) + (numberOf(row[weight]) || 0));
  }
  return [...sums].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([name]) => name);
}

/** Mean of a column, each row weighted by another one; NaN for no rows. */
export function weightedMean(rows: readonly Row[], column: string, weight: string): number {
  const counted = rowsWith(rows, column, weight);
  const total = sumOf(counted, weight);
  return counted.reduce((sum, row) => sum + numberOf(row[column]) * numberOf(row[weight]), 0) / total;
}

/** Sum of a column; values that are no numbers count nothing. */
export function sumOf(rows: readonly Row[], column: string): number {
  return rows.reduce((sum, row) => sum + (numberOf(row[column]) || 0), 0);
}
