import type { QueryResult } from "../parquet/duckdb.ts";
import { printable } from "../task/printable.ts";
import { cutTo, widthOf } from "./cell_width.ts";
import { type Fitting, fitWidths } from "./fit.ts";

/** Where a table goes. */
export interface TableOptions {
  /** Which columns hold numbers. */
  readonly numeric: readonly boolean[];
  /** Columns of the terminal; undefined where it goes elsewhere, and is neither cut nor grouped. */
  readonly columns?: number;
  /** Rows that the query has, where those given are its first. */
  readonly total?: number;
}

/** Between two columns. */
const GAP = "  ";

/** A column no wider is never cut. */
const MIN_TEXT = 12;

/** What a column's name may claim of the width beyond its values. */
const MAX_HEADER = 12;

/** In a pipe a column is padded up to here; what is longer stands out. */
const MAX_PADDED = 60;

/** A query's rows as a table that fits a terminal, or as records where it cannot; the last line counts the rows.
 *
 * Numbers are whole wherever a table fits; what is cut ends in an ellipsis.
 */
export function formatTable(
  result: QueryResult,
  { numeric, columns, total = result.rows.length }: TableOptions,
): string[] {
  const names = result.columns.map(printable);
  const isTerminal = columns !== undefined;
  const rows = result.rows.map((row) => row.map((value, at) => toCell(value, isTerminal && numeric[at])));
  const closing = formatClosing(rows.length, { total, isGrouped: isTerminal });
  if (!isTerminal) return [...drawTable(names, rows, { numeric, widths: paddedWidths(names, rows) }), closing];
  const fittings = names.map((name, at) =>
    fittingOf(name, { cells: rows.map((row) => row[at]), isText: isText(result.types[at]), columns })
  );
  // Some terminals give a mark at the start of a line a cell of its own.
  const spare = rows.some(([first]) => RIGHT_TO_LEFT.test(first)) ? 1 : 0;
  const widths = fitWidths(fittings, columns - spare - GAP.length * (names.length - 1));
  if (widths) return [...drawTable(names, rows, { numeric, widths, isTerminal }), closing];
  return [...drawRecords(names, rows, columns), closing];
}

/** A value on one line; NULL and the empty text can be told apart. */
function toCell(value: string | null, isGrouped: boolean): string {
  if (value === null) return "NULL";
  if (value === "") return "''";
  return isGrouped ? groupDigits(value) : printable(value);
}

/** A number with a comma between its thousands. */
function groupDigits(number: string): string {
  return number.replace(/^-?\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ","));
}

function formatClosing(shown: number, { total, isGrouped }: { total: number; isGrouped: boolean }): string {
  const [some, all] = [shown, total].map((count) => isGrouped ? groupDigits(`${count}`) : `${count}`);
  const rows = `${all} ${total === 1 ? "row" : "rows"}`;
  return shown < total ? `(${some} of ${rows}, --limit for more)` : `(${rows})`;
}

function paddedWidths(names: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return names.map((name, at) => Math.min(MAX_PADDED, widest([name, ...rows.map((row) => row[at])], MAX_PADDED)));
}

/** Not by Math.max(...): there can be more rows than a call takes arguments. */
function widest(texts: readonly string[], max: number): number {
  return texts.reduce((width, text) => Math.max(width, widthOf(text, max)), 0);
}

/** What a column wants; of text alone less will do, and a long name takes several lines. */
function fittingOf(
  name: string,
  { cells, isText, columns }: { readonly cells: readonly string[]; readonly isText: boolean; readonly columns: number },
): Fitting {
  const values = widest(cells, columns);
  const header = Math.min(MAX_HEADER, widest(wordsOf(name), columns));
  return {
    natural: Math.max(values, widthOf(name, columns)),
    floor: Math.max(header, isText ? Math.min(values, MIN_TEXT) : values),
  };
}

/** Whether values of a DuckDB type can be long: lists, structs and maps are like texts. */
function isText(type: string): boolean {
  return /^(VARCHAR|BLOB|STRUCT|MAP|UNION|ENUM|JSON)|\[\d*\]$/.test(type);
}

/** A name's words, each with what ends it. */
function wordsOf(name: string): string[] {
  return name.split(/(?<=[_ ])/);
}

interface Drawing {
  readonly numeric: readonly boolean[];
  readonly widths: readonly number[];
  /** Whether what is wider is cut. */
  readonly isTerminal?: boolean;
}

function drawTable(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  { numeric, widths, isTerminal = false }: Drawing,
): string[] {
  const draw = (cells: readonly string[]) =>
    cells.map((cell, at) => {
      const text = isTerminal ? cutTo(cell, widths[at]) : cell;
      const space = " ".repeat(Math.max(0, widths[at] - widthOf(text, widths[at])));
      const drawn = isTerminal ? setApart(text) : text;
      return numeric[at] ? space + drawn : drawn + space;
    }).join(GAP).trimEnd();
  const header = isTerminal ? stack(names.map((name, at) => breakName(name, widths[at]))) : [names];
  return [...header.map(draw), widths.map((width) => "─".repeat(width)).join(GAP), ...rows.map(draw)];
}

/** A name in lines of a width, broken between its words. */
function breakName(name: string, width: number): string[] {
  return wordsOf(name).reduce<string[]>((lines, word) => {
    const longer = (lines.at(-1) ?? "") + word;
    const fits = lines.length > 0 && widthOf(longer.trimEnd(), width) <= width;
    return fits ? [...lines.slice(0, -1), longer] : [...lines, word];
  }, []);
}

/** Columns of lines as lines of cells, the last lines beside each other. */
function stack(columns: readonly (readonly string[])[]): string[][] {
  const height = Math.max(...columns.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) => columns.map((lines) => lines[line - height + lines.length] ?? ""));
}

/** Each row as lines of a name and a value, below a line with its number. */
function drawRecords(names: readonly string[], rows: readonly (readonly string[])[], columns: number): string[] {
  const nameWidth = Math.min(widest(names, columns), Math.floor(columns / 2) - GAP.length);
  const valueWidth = columns - nameWidth - GAP.length;
  return rows.flatMap((row, index) => {
    const title = `─ ${groupDigits(`${index + 1}`)} `;
    const lines = row.map((value, at) => {
      const name = cutTo(names[at], nameWidth);
      return `${name}${" ".repeat(nameWidth - widthOf(name))}${GAP}${setApart(cutTo(value, valueWidth))}`;
    });
    return [title + "─".repeat(Math.max(0, columns - title.length)), ...lines];
  });
}

/** A text that runs from right to left between two marks, without which a terminal may turn it round together with its
 * neighbours. */
function setApart(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `${LEFT_TO_RIGHT_MARK}${text}${LEFT_TO_RIGHT_MARK}` : text;
}

const LEFT_TO_RIGHT_MARK = "\u200e";

/** The blocks of Hebrew, Arabic and their like. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
