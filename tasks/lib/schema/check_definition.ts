/** A check's definition in one form: Postgres prints `(a AND b) AND c` as it was written, and reads what it has printed
 * as `a AND b AND c`, so that a check which is dumped and restored is spelled otherwise and means the same. */
export function normalizeCheck(definition: string): string {
  return join(parse(definition.matchAll(TOKEN)));
}

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|[^'"()]+/g;

/** A text, or what stands in a pair of parentheses. */
type Part = string | readonly Part[];

/** The parts up to the parenthesis that closes them, or to the end. */
function parse(tokens: Iterator<RegExpExecArray>): Part[] {
  const parts: Part[] = [];
  for (let next = tokens.next(); !next.done && next.value[0] !== ")"; next = tokens.next()) {
    const [token] = next.value;
    parts.push(token === "(" ? withoutFirstPair(parse(tokens)) : token);
  }
  return parts;
}

/** What stands in parentheses first and is joined to the rest as its own parts are needs no parentheses. */
function withoutFirstPair(parts: readonly Part[]): readonly Part[] {
  const [first, then] = parts;
  if (typeof first !== "object" || typeof then !== "string") return parts;
  const word = /^ (AND|OR) $/.exec(then)?.[0];
  return word !== undefined && first.includes(word) ? [...first, ...parts.slice(1)] : parts;
}

function join(parts: readonly Part[]): string {
  return parts.map((part) => typeof part === "string" ? part : `(${join(part)})`).join("");
}
