import type { QueryResult } from "../parquet/duckdb.ts";
import { countOf } from "../task/plural.ts";
import { printable } from "../task/printable.ts";

/** Ways to print a query's rows. */
export const FORMATS = ["table", "csv", "json", "md"] as const;

/** One of the ways. */
export type Format = (typeof FORMATS)[number];

/** The rows of a query as lines, values digit for digit: no number passes through a JS number. */
export function formatRows(result: QueryResult, format: Exclude<Format, "csv">): string[] {
  return FORMATTERS[format](result);
}

const FORMATTERS: Readonly<Record<Exclude<Format, "csv">, (result: QueryResult) => string[]>> = {
  table: formatTable,
  json: formatJson,
  md: formatMarkdown,
};

/** Longest text that a table shows of one value. */
const MAX_CELL = 60;

function formatTable({ columns, types, rows }: QueryResult): string[] {
  const lines = [columns, ...rows].map((row) => row.map(toCell));
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => lengthOf(line[index]))));
  const numeric = types.map(isNumeric);
  const format = (line: readonly string[]) =>
    line.map((cell, index) => {
      const space = " ".repeat(widths[index] - lengthOf(cell));
      return numeric[index] ? space + cell : cell + space;
    }).join("  ").trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [format(lines[0]), rule, ...lines.slice(1).map(format), `(${countOf(rows.length, "row")})`];
}

/** A value on one line, cut to its width; NULL and the empty text can be told apart. */
function toCell(value: string | null): string {
  if (value === null) return "NULL";
  if (value === "") return "''";
  const line = printable(value);
  return lengthOf(line) > MAX_CELL ? [...line].slice(0, MAX_CELL - 1).join("") + "…" : line;
}

function lengthOf(text: string): number {
  return [...text].length;
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
