import assert from "node:assert/strict";
import { drawScreen } from "../../../tests/support/screen.ts";
import { cutTo, widthOf } from "./cell_width.ts";

/** Columns that a terminal takes for a text. */
async function drawnWidth(text: string, by: "11" | "15-graphemes"): Promise<number> {
  const [{ cells }] = await drawScreen(`|${text}|\n`, 80, { by });
  return cells.lastIndexOf("|") - 1;
}

Deno.test("widthOf() counts letters as a terminal shows them", async () => {
  const texts = [
    ...["", "abc", "日本語", "１２", "ﾊﾟ", "한국어", "\u1112\u1161\u11ab", "e\u0301", "שָׁלוֹם", "العربية", "नमस्ते", "ไทย"],
    ...["𝒳", "—…─", "☎", "😀", "a\u200bb", "a\u200eb", "a\u00adb", "\ufeffa", "⌚"],
  ];
  for (const text of texts) assert.equal(widthOf(text), await drawnWidth(text, "11"), JSON.stringify(text));
});

Deno.test("widthOf() counts emoji of several characters as a terminal that knows them shows them", async () => {
  for (const text of ["👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "1️⃣", "🧑🏽‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☺️"]) {
    assert.equal(widthOf(text), await drawnWidth(text, "15-graphemes"), text);
  }
});

Deno.test("widthOf() stops counting past its maximum", () => {
  assert.equal(widthOf("日".repeat(100), 10), 12);
});

Deno.test("cutTo() leaves what fits, and else cuts between graphemes, never wider than it is told", () => {
  for (const text of ["abcdef", "日本語日本語", "👍🏽👍🏽👍🏽", "e\u0301e\u0301e\u0301e\u0301", "שָׁלוֹם"]) {
    const width = widthOf(text);
    assert.equal(cutTo(text, width), text);
    for (let narrow = 1; narrow < width; narrow++) {
      const cut = cutTo(text, narrow);
      assert.ok(widthOf(cut) <= narrow && cut.endsWith("…"), `${text} ${narrow}`);
      assert.ok(cut === "…" || [...new Intl.Segmenter().segment(text)].some(({ index }) => index === cut.length - 1));
    }
  }
  assert.equal(cutTo("日本語", 4), "日…");
});
