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
