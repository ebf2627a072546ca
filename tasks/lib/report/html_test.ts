import assert from "node:assert/strict";
import { cutText, escapeHtml, fitText } from "./html.ts";

Deno.test("escapeHtml() leaves no markup, in attributes neither", () => {
  assert.equal(escapeHtml(`<a b="c" d='e'>&`), "&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;");
});

Deno.test("cutText() cuts behind whole characters", () => {
  assert.equal(cutText("🙂🙂🙂🙂", 3), "🙂🙂…");
  assert.equal(cutText("four", 4), "four");
});

Deno.test("cutText() writes out what is no text of one line", () => {
  assert.equal(cutText("a\nb\u0000", 20), "a\\nb\\u0000");
});

Deno.test("fitText() cuts wide letters sooner than narrow ones", () => {
  const [wide, narrow] = [fitText("W".repeat(200), 300), fitText("i".repeat(200), 300)];
  assert.equal(wide.endsWith("…"), true);
  assert.ok(wide.length < narrow.length / 2);
  assert.equal(fitText("Water is wet", 300), "Water is wet");
});
