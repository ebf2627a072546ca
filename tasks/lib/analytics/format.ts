import type { QueryResult } from "../parquet/duckdb.ts";
import { printable } from "../task/printable.ts";
import { formatTable, type TableOptions } from "./format_table.ts";

/** Ways to print a query's rows. */
export const FORMATS = ["table", "csv", "json", "md"] as const;

/** One of the ways. */
export type Format = (typeof FORMATS)[number];

/** The rows of a query as lines, values digit for digit: no number passes through a JS number. A table fits the terminal
 * of so many columns, and tells how many rows there are in all where these are the first of them. */
export function formatRows(
  result: QueryResult,
  format: Exclude<Format, "csv">,
  options: Omit<TableOptions, "numeric"> = {},
): string[] {
  if (format === "json") return formatJson(result);
  if (format === "md") return formatMarkdown(result);
  return formatTable(result, { ...options, numeric: result.types.map(isNumeric) });
}

/** The rows of a query as CSV by RFC 4180; NULL is empty, the empty text is "". Values are as they are. */
export function formatCsv({ columns, rows }: QueryResult): string {
  const cell = (value: string | null) => {
    if (value === null) return "";
    return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** An array of objects; numbers digit for digit, decimals as strings as they have no JSON type. */
function formatJson({ columns, types, rows }: QueryResult): string[] {
  const names = columns.map((name) => JSON.stringify(name));
  const object = (row: readonly (string | null)[]) =>
    `  {${row.map((value, index) => `${names[index]}: ${toJson(value, types[index])}`).join(", ")}}`;
  if (rows.length === 0) return ["[]"];
  return ["[", ...rows.map((row, index) => object(row) + (index < rows.length - 1 ? "," : "")), "]"];
}

function toJson(value: string | null, type: string): string {
  if (value === null) return "null";
  if (type === "BOOLEAN") return value;
  if (isNumeric(type) && !type.startsWith("DECIMAL") && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value)) return value;
  return JSON.stringify(value);
}

function formatMarkdown({ columns, types, rows }: QueryResult): string[] {
  const cell = (value: string | null) =>
    value === null ? "*NULL*" : printable(value).replace(/[\\|*_`<>&]/g, (character) => `\\${character}`);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = types.map((type) => (isNumeric(type) ? "---:" : "---"));
  return [line(columns.map(cell)), line(rule), ...rows.map((row) => line(row.map(cell)))];
}

/** Whether a DuckDB type holds numbers. */
export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type);
}
