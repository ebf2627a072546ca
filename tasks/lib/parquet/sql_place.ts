/** How DuckDB quotes a place: the line's number, what of it is near the place, and a caret below that. */
const QUOTED = /\n+LINE (\d+): ([^\n]*)\n *\^ *\s*$/;

/** Characters of the SQL that are quoted. */
const MAX_QUOTED = 40;

/** A message of DuckDB on one line, with its place in the SQL behind `linesBefore` as "(line 2, near "select x")". */
export function placeOf(message: string, linesBefore: number): string {
  const found = QUOTED.exec(message);
  const text = (found ? message.slice(0, found.index) : message).trim().replaceAll("\n", " ");
  if (!found) return text;
  const [quoted, line, excerpt] = found;
  const caret = quoted.lastIndexOf("^") - quoted.lastIndexOf("\n") - 1 - `LINE ${line}: `.length;
  const near = excerpt.slice(Math.max(caret, 0)).trim().slice(0, MAX_QUOTED);
  return `${text} (line ${Number(line) - linesBefore}${near === "" ? "" : `, near "${near}"`})`;
}
