import assert from "node:assert/strict";
import type { QueryResult } from "../parquet/duckdb.ts";
import { formatCsv, formatRows, isNumeric } from "./format.ts";

const RESULT: QueryResult = {
  columns: ["seed", "claim", "p", "ok"],
  types: ["DECIMAL(20,0)", "VARCHAR", "DOUBLE", "BOOLEAN"],
  rows: [
    ["18446744073709551615", 'say "hi",\nthere', "5e-324", "true"],
    [null, "", "nan", null],
  ],
};

Deno.test("formatRows() draws a table that tells NULL from an empty text", () => {
  assert.deepEqual(
    formatRows(RESULT, "table"),
    [
      "                seed  claim                  p  ok",
      "────────────────────  ────────────────  ──────  ────",
      '18446744073709551615  say "hi",\\nthere  5e-324  true',
      "                NULL  ''                   nan  NULL",
      "(2 rows)",
    ],
  );
});

Deno.test("formatRows() disarms control characters in a table", () => {
  const table = (value: string) => formatRows({ columns: ["v"], types: ["VARCHAR"], rows: [[value]] }, "table")[2];
  assert.equal(table("\u001b[31mred\u202e\u200e"), "\\u001b[31mred\\u202e\\u200e");
});

Deno.test("formatCsv() writes CSV by RFC 4180 that tells NULL from an empty text", () => {
  assert.equal(
    formatCsv(RESULT),
    'seed,claim,p,ok\r\n18446744073709551615,"say ""hi"",\nthere",5e-324,true\r\n,"",nan,\r\n',
  );
});

Deno.test("formatRows() writes JSON with every digit, decimals and what JSON cannot say as strings", () => {
  assert.equal(
    formatRows(RESULT, "json").join("\n"),
    `[
  {"seed": "18446744073709551615", "claim": "say \\"hi\\",\\nthere", "p": 5e-324, "ok": true},
  {"seed": null, "claim": "", "p": "nan", "ok": null}
]`,
  );
  const big: QueryResult = { columns: ["n"], types: ["HUGEINT"], rows: [["9007199254740993"]] };
  assert.deepEqual(formatRows(big, "json"), ["[", '  {"n": 9007199254740993}', "]"]);
});

Deno.test("formatRows() writes an empty JSON array for no rows", () => {
  assert.deepEqual(formatRows({ ...RESULT, rows: [] }, "json"), ["[]"]);
});

Deno.test("formatRows() writes a Markdown table whose values hold no markup", () => {
  const result: QueryResult = {
    columns: ["a", "n"],
    types: ["VARCHAR", "BIGINT"],
    rows: [["x|<b>\n", "1"], [null, "2"]],
  };
  assert.deepEqual(
    formatRows(result, "md"),
    ["| a | n |", "| --- | ---: |", "| x\\|\\<b\\>\\\\n | 1 |", "| *NULL* | 2 |"],
  );
});

Deno.test("isNumeric() knows DuckDB's number types", () => {
  for (const type of ["BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "DECIMAL(12,6)"]) assert.ok(isNumeric(type), type);
  for (const type of ["VARCHAR", "DATE", "INTERVAL", "BOOLEAN"]) assert.ok(!isNumeric(type), type);
});
