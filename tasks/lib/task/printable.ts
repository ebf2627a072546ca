/** The text with everything written out that a terminal would obey: line ends, ESC, all other control characters of
 * ASCII and Latin-1, and those that turn the direction of writing.
 *
 * The escapes are those of JSON: JSON text says the same afterwards.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
