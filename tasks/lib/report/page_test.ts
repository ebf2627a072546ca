import assert from "node:assert/strict";
import type { Answer } from "./answer.ts";
import { formatPage, PAGE_QUERIES } from "./page.ts";
import { openPen, type Pen } from "./pen.ts";
import { captionOf, formatTable } from "./table.ts";

const madeAt = new Date("2025-09-30T12:34:56Z");
const pen = await openPen();

function answersOf(columns: readonly string[], row: readonly (string | null)[]): Map<string, Answer> {
  const result = { columns, types: columns.map(() => "VARCHAR"), rows: [row] };
  return new Map(PAGE_QUERIES.map(({ query }) => [query, { name: query, description: "<i>", sql: "a < b", result }]));
}

const pageOf = (answers: ReadonlyMap<string, Answer>, css = "p {\n}\n", by: Pen = pen) =>
  formatPage({ answers, css, pen: by, madeAt });

Deno.test("formatPage() escapes what rows, descriptions and queries hold", async () => {
  const page = await pageOf(
    answersOf(["env", "model", "claim", "lane", "last_row"], ["<b>", "<b>", "<b>", "<b>", "<b>"]),
  );
  assert.doesNotMatch(page, /<b>|<i>|a < b/);
  assert.match(page, /&#60;b&#62;/);
});

Deno.test("formatPage() says when it was made", async () => {
  assert.match(await pageOf(answersOf(["env"], [null])), /Made at 2025-09-30 12:34 UTC\./);
});

Deno.test("formatPage()'s policy allows the page's one style sheet, and nothing else", async () => {
  const page = await pageOf(answersOf(["env"], [null]));
  const [style] = [...page.matchAll(/<style>([^]*?)<\/style>/g)].map(([, text]) => text);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)));
  const policy = `default-src 'none'; style-src 'sha256-${digest.toBase64()}'; base-uri 'none'; form-action 'none'`;
  assert.equal(/Content-Security-Policy" content="(.*?)">/.exec(page)![1], policy);
  assert.equal(page.match(/<style|\sstyle=/g)!.length, 1);
});

Deno.test("formatPage() says what a lake lacks", async () => {
  const answers = answersOf(["env"], [null]);
  answers.delete("allowance");
  assert.match(await pageOf(answers), /id="allowance"><h2>[^<]*<\/h2><p class="note">The lake has no such dataset\./);
});

Deno.test("Pen.draw() makes one named image without a style sheet, whatever is in its texts", () => {
  const svg = pen.draw({
    draw: ({ plot }) => ({ marks: [plot.text(["<b>&\"'"], { frameAnchor: "middle" }), plot.dot([[1, 2]])] }),
  }, { label: `<a> & "b"`, width: 300 });
  assert.match(svg, /^<svg role="img" aria-label="&#60;a&#62; &#38; &#34;b&#34;" [^>]*width="300"[^>]*>.*<\/svg>$/);
  assert.doesNotMatch(svg, /<style|<b>|NaN/);
});

const TABLE = { columns: ["env", "dt", "rows"], types: ["VARCHAR", "DATE", "BIGINT"] };

Deno.test("formatTable() has the newest rows first, those of one day as they came", () => {
  const rows = [["a", "2025-05-01", "1"], ["b", "2025-05-02", "2"], ["a", "2025-05-02", "3"], ["c", null, "4"]];
  const table = formatTable({ ...TABLE, rows }, "x");
  assert.deepEqual([...table.matchAll(/<td class="number">(\d)/g)].map(([, value]) => value), ["2", "3", "1", "4"]);
});

Deno.test("formatTable() cuts rows and texts, and captionOf() tells", () => {
  const rows = Array.from({ length: 1234 }, () => ["x".repeat(100_000), "2025-05-01", "1"]);
  const result = { ...TABLE, rows };
  assert.ok(formatTable(result, "x").length < 30_000);
  assert.equal(captionOf(result), "Table: newest 60 of 1,234 rows");
});
