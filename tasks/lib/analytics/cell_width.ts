import { eastAsianWidth } from "get-east-asian-width";

const GRAPHEMES = new Intl.Segmenter("en");

/** Columns that a terminal takes for a text without control characters, counted no further than past `max`.
 *
 * Emoji and the letters of East Asia take two, marks that combine with a letter and characters without a form none.
 */
export function widthOf(text: string, max: number = Infinity): number {
  if (isPlain(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += widthOfGrapheme(segment);
    if (width > max) break;
  }
  return width;
}

/** The text where it fits, else its beginning and an ellipsis; no character is cut apart. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text, width) <= width) return text;
  let [end, used] = [0, 1];
  for (const { segment } of GRAPHEMES.segment(text)) {
    used += widthOfGrapheme(segment);
    if (used > width) break;
    end += segment.length;
  }
  return `${text.slice(0, end)}…`;
}

/** Whether each character is one column wide: a look at them is quicker than finding graphemes. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function widthOfGrapheme(grapheme: string): number {
  if (isPlain(grapheme)) return grapheme.length;
  if (/^\p{RGI_Emoji}$/v.test(grapheme)) return 2;
  let width = 0;
  for (const character of grapheme) {
    if (character === SOFT_HYPHEN || !WITHOUT_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}

/** Terminals show it, wherever it stands. */
const SOFT_HYPHEN = "\u00ad";

/** Marks, invisible characters, and the vowels and finals that join a Hangul syllable. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\p{Default_Ignorable_Code_Point}\u1160-\u11ff]/u;
