/** Texts in lines of a terminal's width, broken between words; as they are where the width is undefined.
 *
 * What follows a gap of two spaces stays in its column, or where that is too narrow, goes below its line by four spaces.
 */
export function wrapLines(lines: readonly string[], columns: number | undefined): string[] {
  return columns === undefined ? [...lines] : lines.flatMap((line) => wrapLine(line, columns));
}

/** Narrower columns are hard to read. */
const MIN_COLUMN = 30;

function wrapLine(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const [, head, gap, rest] = /^(.*\S)( {2,})(?=\S)(.*)$/.exec(line) ?? [undefined, "", "", line.trimStart()];
  const margin = /^ */.exec(line)![0];
  const column = head.length + gap.length;
  if (head === "") return fill(rest, { first: margin, indent: `${margin}    `, columns });
  if (columns - column >= MIN_COLUMN) return fill(rest, { first: head + gap, indent: " ".repeat(column), columns });
  return [head, ...fill(rest, { first: `${margin}    `, indent: `${margin}    `, columns })];
}

/** Words in lines, the first of which starts with `first` and each other with `indent`. */
function fill(
  words: string,
  { first, indent, columns }: { readonly first: string; readonly indent: string; readonly columns: number },
): string[] {
  const lines: string[] = [];
  let line = first;
  let isBare = true;
  for (const word of words.split(" ")) {
    const longer = isBare ? line + word : `${line} ${word}`;
    if (isBare || longer.length <= columns) line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
    isBare = false;
  }
  return [...lines, line];
}
