import { printable } from "../task/printable.ts";

/** A text for use in HTML, in attributes too: nothing in it is markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A text on one line of so many characters at most; what is left out shows as an ellipsis. */
export function cutText(text: string, maxLength: number): string {
  // Twice as many code units hold enough characters: a claim can be of 100 KB.
  const line = printable(text.slice(0, maxLength * 2 + 2));
  const characters = [...line];
  return characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join("").trimEnd()}…` : line;
}

/** Widths of characters at 12 px in a wide font, in CSS pixels; others are as wide as a letter. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijlI.,:;'|! ]/, 4.4],
  [/[A-ZmwÀ-Þ%@&]/, 9.5],
  [/[MW]/, 12],
  [/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u, 13],
];
const LETTER_WIDTH = 7.4;

/** A text on one line that fits a width of a chart; what is left out shows as an ellipsis. */
export function fitText(text: string, widthPx: number): string {
  const line = cutText(text, Math.ceil(widthPx / WIDTHS[0][1]));
  let [left, length] = [widthPx - LETTER_WIDTH * 1.4, 0];
  for (const character of line) {
    left -= WIDTHS.findLast(([kind]) => kind.test(character))?.[1] ?? LETTER_WIDTH;
    if (left < 0) return `${line.slice(0, length).trimEnd()}…`;
    length += character.length;
  }
  return line;
}
