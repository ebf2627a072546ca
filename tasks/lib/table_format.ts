import type { QueryResult } from "./duckdb.ts";

/** Ways to print a query's rows. */
export const FORMATS = ["table", "csv", "json", "md"] as const;

/** One of the ways. */
export type Format = (typeof FORMATS)[number];

/** The rows of a query as text, values digit for digit: no number passes through a JS number. */
export function formatRows(result: QueryResult, format: Format): string {
  return FORMATTERS[format](result);
}

const FORMATTERS: Readonly<Record<Format, (result: QueryResult) => string>> = {
  table: formatTable,
  csv: formatCsv,
  json: formatJson,
  md: formatMarkdown,
};

/** Longest text that a table shows of one value. */
const MAX_CELL = 60;

function formatTable({ columns, types, rows }: QueryResult): string {
  const lines = [columns, ...rows].map((row) => row.map(toCell));
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => lengthOf(line[index]))));
  const numeric = types.map(isNumeric);
  const format = (line: readonly string[]) =>
    line.map((cell, index) => {
      const space = " ".repeat(widths[index] - lengthOf(cell));
      return numeric[index] ? space + cell : cell + space;
    }).join("  ").trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  const count = `${rows.length} ${rows.length === 1 ? "row" : "rows"}`;
  return [format(lines[0]), rule, ...lines.slice(1).map(format), `(${count})`].join("\n") + "\n";
}

/** A value on one line, cut to its width; NULL and the empty text can be told apart. */
function toCell(value: string | null): string {
  if (value === null) return "NULL";
  if (value === "") return "''";
  const line = oneLine(value);
  return lengthOf(line) > MAX_CELL ? [...line].slice(0, MAX_CELL - 1).join("") + "…" : line;
}

/** The text with line ends and other control characters written out: a terminal must not obey a row. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** RFC 4180; NULL is empty, the empty text is "". */
function formatCsv({ columns, rows }: QueryResult): string {
  const cell = (value: string | null) => {
    if (value === null) return "";
    return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** An array of objects; numbers digit for digit, decimals as strings as they have no JSON type. */
function formatJson({ columns, types, rows }: QueryResult): string {
  const names = columns.map((name) => JSON.stringify(name));
  const object = (row: readonly (string | null)[]) =>
    `  {${row.map((value, index) => `${names[index]}: ${toJson(value, types[index])}`).join(", ")}}`;
  return rows.length === 0 ? "[]\n" : `[\n${rows.map(object).join(",\n")}\n]\n`;
}

function toJson(value: string | null, type: string): string {
  if (value === null) return "null";
  if (type === "BOOLEAN") return value;
  if (isNumeric(type) && !type.startsWith("DECIMAL") && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value)) return value;
  return JSON.stringify(value);
}

function formatMarkdown({ columns, types, rows }: QueryResult): string {
  const cell = (value: string | null) =>
    value === null ? "*NULL*" : oneLine(value).replace(/[\\|*_`<>&]/g, (character) => `\\${character}`);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = types.map((type) => (isNumeric(type) ? "---:" : "---"));
  return [line(columns.map(cell)), line(rule), ...rows.map((row) => line(row.map(cell)))].join("\n") + "\n";
}

/** Whether a DuckDB type holds numbers. */
export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type);
}
