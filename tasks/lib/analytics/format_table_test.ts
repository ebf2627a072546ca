import assert from "node:assert/strict";
import type { QueryResult } from "../parquet/duckdb.ts";
import { widthOf } from "./cell_width.ts";
import { formatRows } from "./format.ts";

const NUMBERS: QueryResult = {
  columns: ["model", "rows"],
  types: ["VARCHAR", "BIGINT"],
  rows: [["gpt-5", "1234567"], ["grok", "-999"], [null, "18446744073709551615"]],
};

const table = (result: QueryResult, columns?: number, total?: number) =>
  formatRows(result, "table", { columns, total });

const text = (value: string | null, columns?: number) =>
  table({ columns: ["a_claim", "n"], types: ["VARCHAR", "INTEGER"], rows: [[value, "1"]] }, columns);

Deno.test("formatRows() groups the digits of numbers on a terminal", () => {
  assert.deepEqual(table(NUMBERS, 80), [
    "model                        rows",
    "─────  ──────────────────────────",
    "gpt-5                   1,234,567",
    "grok                         -999",
    "NULL   18,446,744,073,709,551,615",
    "(3 rows)",
  ]);
});

Deno.test("formatRows() groups no digits behind the point, of exponents and of texts", () => {
  const types = ["DECIMAL(20,6)", "DOUBLE", "DOUBLE", "VARCHAR"];
  const result = { columns: ["a", "b", "c", "d"], types, rows: [["-1234.567890", "5e-324", "nan", "123456"]] };
  assert.equal(table(result, 80)[2], "-1,234.567890  5e-324  nan  123456");
});

Deno.test("formatRows() groups and cuts nothing in a pipe, and pads for no long text", () => {
  const claim = "x".repeat(100_000);
  const lines = text(claim);
  assert.equal(lines[2], `${claim}  1`);
  assert.equal(lines[1].length, 60 + 2 + 1);
  assert.ok(table(NUMBERS).includes("gpt-5               1234567"));
});

Deno.test("formatRows() formats more rows than a call takes arguments", () => {
  const rows = Array.from({ length: 200_000 }, (_, at) => [`${at}`]);
  assert.equal(table({ columns: ["n"], types: ["INTEGER"], rows }).at(-1), "(200000 rows)");
});

Deno.test("formatRows() cuts a long text at the terminal's width with an ellipsis", () => {
  assert.equal(text("x".repeat(100_000), 40)[2], `${"x".repeat(36)}…  1`);
});

Deno.test("formatRows() breaks a column's name between its words where the values are narrower", () => {
  const columns = ["model", "median_distance", "towards_truth"];
  const result = { columns, types: ["VARCHAR", "DOUBLE", "DOUBLE"], rows: [["gpt-5", "0.1706", "1.0"]] };
  assert.deepEqual(table(result, 26), [
    "        median_  towards_",
    "model  distance     truth",
    "─────  ────────  ────────",
    "gpt-5    0.1706       1.0",
    "(1 row)",
  ]);
});

Deno.test("formatRows() never cuts a number or a day in a table", () => {
  const types = ["VARCHAR", "BIGINT", "DATE"];
  for (let columns = 20; columns < 60; columns++) {
    const rows = [["y".repeat(50), "123456789", "2025-09-01"]];
    const lines = table({ columns: ["text", "number", "day"], types, rows }, columns).join("\n");
    assert.match(lines, /\b2025-09-01\b/, `${columns}`);
    assert.match(lines, /\b123,456,789\b/, `${columns}`);
  }
});

Deno.test("formatRows() prints records where a row cannot fit", () => {
  const columns = Array.from({ length: 40 }, (_, at) => `column_${at}`);
  const row = columns.map((_, at) => (at === 1 ? "z".repeat(100) : `${1000 * at}`));
  const types = columns.map((_, at) => (at === 1 ? "VARCHAR" : "BIGINT"));
  const lines = table({ columns, types, rows: [row, row] }, 40);
  assert.deepEqual(lines.slice(0, 4), [
    `─ 1 ${"─".repeat(36)}`,
    "column_0   0",
    `column_1   ${"z".repeat(28)}…`,
    "column_2   2,000",
  ]);
  assert.equal(lines.length, 2 * 41 + 1);
});

Deno.test("formatRows() makes no line wider than the terminal, whatever the values are", () => {
  const values = [
    "日本語の主張".repeat(20),
    "👨‍👩‍👧‍👦".repeat(30),
    "שלום עולם ".repeat(20),
    "e\u0301".repeat(90),
    "a\u001b[2J\n",
    "",
    null,
  ];
  const names = ["claim", "model_of_the_newest_version", "n".repeat(70), "k"];
  for (const columns of [20, 40, 61, 80]) {
    for (const width of [1, 2, 3, 5, 8, 40]) {
      const at = (index: number) => values[index % values.length];
      const result = {
        columns: Array.from({ length: width }, (_, index) => names[index % names.length]),
        types: Array(width).fill("VARCHAR"),
        rows: values.map((_, row) => Array.from({ length: width }, (_, index) => at(row + index))),
      };
      for (const line of table(result, columns)) assert.ok(widthOf(line) <= columns, `${columns}: ${line}`);
    }
  }
});

Deno.test("formatRows() prints the names of a table without rows", () => {
  assert.deepEqual(table({ ...NUMBERS, rows: [] }, 80), ["model  rows", "─────  ────", "(0 rows)"]);
});

Deno.test("formatRows() tells how many rows there are where it has the first of them", () => {
  assert.equal(table(NUMBERS, 80, 123_456).at(-1), "(3 of 123,456 rows, --limit for more)");
  assert.equal(table(NUMBERS, undefined, 123_456).at(-1), "(3 of 123456 rows, --limit for more)");
  assert.equal(table(NUMBERS, 80, 3).at(-1), "(3 rows)");
});
