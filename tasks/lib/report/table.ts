import { isNumeric } from "../analytics/format.ts";
import type { QueryResult } from "../parquet/duckdb.ts";
import { cutText, escapeHtml } from "./html.ts";
import { formatCount } from "./numbers.ts";

/** Rows and characters of a value that a table shows. */
const MAX_ROWS = 60;
const MAX_CELL = 160;

/** Columns that tell how new a row is. */
const TIMES = ["dt", "month", "last_day", "last_row"];

/** A query's rows as an HTML table, the newest first where they have a time; `name` is its accessible name. */
export function formatTable({ columns, types, rows }: QueryResult, name: string): string {
  const kinds = types.map((type) => (isNumeric(type) ? "number" : "text"));
  const head = columns.map((column, index) => `<th scope="col" class="${kinds[index]}">${escapeHtml(column)}</th>`);
  const body = newestFirst(columns, rows).slice(0, MAX_ROWS).map((row) =>
    `<tr>${row.map((value, index) => formatCell(value, kinds[index])).join("")}</tr>`
  );
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(name)}"><table>` +
    `<thead><tr>${head.join("")}</tr></thead><tbody>\n${body.join("\n")}</tbody></table></div>`;
}

/** What a table's rows are of all. */
export function captionOf({ columns, rows }: QueryResult): string {
  const order = TIMES.some((time) => columns.includes(time)) ? "newest" : "first";
  if (rows.length > MAX_ROWS) return `Table: ${order} ${MAX_ROWS} of ${formatCount(rows.length)} rows`;
  return rows.length === 1 ? "Table: 1 row" : `Table: ${rows.length} rows`;
}

type Cells = readonly (string | null)[];

/** By the first column that is a time; rows of one time stay as they came. */
function newestFirst(columns: readonly string[], rows: readonly Cells[]): readonly Cells[] {
  const index = columns.findIndex((column) => TIMES.includes(column));
  if (index < 0) return rows;
  return rows.toSorted((a, b) =>
    (a[index] ?? "") < (b[index] ?? "") ? 1 : (a[index] ?? "") > (b[index] ?? "") ? -1 : 0
  );
}

function formatCell(value: string | null, kind: string): string {
  if (value === null) return `<td class="${kind} null">NULL</td>`;
  const text = cutText(value, MAX_CELL);
  return kind === "number" ? `<td class="number">${escapeHtml(text)}</td>` : `<td><bdi>${escapeHtml(text)}</bdi></td>`;
}
