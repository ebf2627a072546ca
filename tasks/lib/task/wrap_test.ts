import assert from "node:assert/strict";
import { wrapLines } from "./wrap.ts";

const LINE = "overview  Rows, runs and days of each lane, env and source";

Deno.test("wrapLines() keeps what follows a gap in its column", () => {
  assert.deepEqual(wrapLines([LINE], 42), [
    "overview  Rows, runs and days of each",
    "          lane, env and source",
  ]);
});

Deno.test("wrapLines() puts what follows a gap below where its column is narrow", () => {
  assert.deepEqual(wrapLines([LINE], 30), ["overview", "    Rows, runs and days of", "    each lane, env and source"]);
});

Deno.test("wrapLines() keeps the margin of a line without a gap", () => {
  assert.deepEqual(wrapLines(["  one two three"], 11), ["  one two", "      three"]);
});

Deno.test("wrapLines() leaves a word that is wider than the terminal whole", () => {
  assert.deepEqual(wrapLines(["a " + "x".repeat(20)], 10), ["a", `    ${"x".repeat(20)}`]);
});

Deno.test("wrapLines() changes nothing without a width, and no line that fits", () => {
  assert.deepEqual(wrapLines([LINE], undefined), [LINE]);
  assert.deepEqual(wrapLines([LINE, ""], LINE.length), [LINE, ""]);
});
