import { printable } from "../task/printable.ts";

/** A place in a text, both counted from 1; columns are code points. */
export type Place = Readonly<Record<"line" | "column", number>>;

/** Line and column of an offset in UTF-16 units. */
export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: [...before.slice(lineStart)].length + 1 };
}

/** Offset in UTF-16 units of the code point with this 1-based number. */
export function offsetOfCodePoint(text: string, position: number): number {
  let offset = 0;
  for (let left = position - 1; left > 0 && offset < text.length; left--) {
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  }
  return offset;
}

const MAX_BEFORE = 80;
const MAX_AFTER = 40;

/** The line an offset is in, and a caret under the offset; of a long line only what is near. */
export function excerptAt(text: string, offset: number): [line: string, caret: string] {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = text.indexOf("\n", offset);
  const before = [...spaced(text.slice(lineStart, offset))];
  const after = [...spaced(text.slice(offset, lineEnd < 0 ? undefined : lineEnd))];
  const shown = before.slice(-MAX_BEFORE).join("");
  const left = before.length > MAX_BEFORE ? `... ${shown}` : shown;
  const right = after.length > MAX_AFTER ? `${after.slice(0, MAX_AFTER).join("")} ...` : after.join("");
  return [left + right, `${" ".repeat([...left].length)}^`];
}

/** The text as it will be printed, tabs as two spaces: the caret must stand right. */
function spaced(text: string): string {
  return printable(text.replaceAll("\t", "  "));
}
