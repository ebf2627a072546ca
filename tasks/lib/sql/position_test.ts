import assert from "node:assert/strict";
import { excerptAt, offsetOfCodePoint, placeOf } from "./position.ts";

Deno.test("offsetOfCodePoint() and placeOf() count code points", () => {
  const text = "a\n😀b";
  assert.equal(offsetOfCodePoint(text, 4), 4);
  assert.deepEqual(placeOf(text, 4), { line: 2, column: 2 });
});

Deno.test("excerptAt() puts the caret under the offset, behind tabs and control characters", () => {
  assert.deepEqual(excerptAt("x\n\tselect 😀 nope\ny", 13), ["  select 😀 nope", "           ^"]);
  assert.deepEqual(excerptAt("'\x1b' nope", 4), ["'\\u001b' nope", "         ^"]);
});

Deno.test("excerptAt() cuts a long line round the offset", () => {
  const [line, caret] = excerptAt(`${"a".repeat(500)}!${"b".repeat(500)}`, 500);
  assert.ok(line.length < 140);
  assert.equal(line[caret.length - 1], "!");
});
