/** One statement of an SQL text, from its first word to its semicolon. */
export interface Statement {
  /** Offset of its first word, in UTF-16 units. */
  readonly start: number;
  /** Offset behind its last character. */
  readonly end: number;
  /** Its unquoted words outside of parentheses, in lower case. */
  readonly words: readonly string[];
}

/** One `--` comment. */
export interface LineComment {
  /** Offset of its first dash. */
  readonly start: number;
  /** All of it, without the line end. */
  readonly text: string;
}

/** What an SQL text consists of, as the server's own lexer would cut it. */
export interface SqlScan {
  /** Its statements, in order. */
  readonly statements: readonly Statement[];
  /** Its `--` comments, in order. */
  readonly lineComments: readonly LineComment[];
  /** Offsets of backslashes outside of quotes: psql commands, which a server does not know. */
  readonly backslashes: readonly number[];
  /** The quote or comment that the text ends in, if it does. */
  readonly unterminated?: { readonly start: number; readonly what: string };
}

const NAME = "[A-Za-z_\\u0080-\\uffff]";
/** Only ASCII separates: what else looks like a space is part of a name. */
const SPACE = "[ \\t\\n\\r\\f\\v]";
const LINE = "--[^\\n\\r]*";
const ESCAPED_BODY = "[^'\\\\]*(?:(?:\\\\[^]|'')[^'\\\\]*)*";
/** A string goes on, by the rules that it began with, behind a line end with nothing but space and comments round it. */
const CONTINUED = `'[ \\t\\f\\v]*(?:${LINE})?[\\n\\r](?:${SPACE}|${LINE}[\\n\\r])*'`;
const ESCAPED = `[eE]'${ESCAPED_BODY}(?:${CONTINUED}${ESCAPED_BODY})*'`;
const PATTERNS = {
  space: `${SPACE}+`,
  line: LINE,
  block: "/\\*",
  escaped: `${ESCAPED}?`,
  string: "(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*'?",
  quoted: '(?:[uU]&)?"[^"]*(?:""[^"]*)*"?',
  dollar: `\\$(?:${NAME}[\\w\\u0080-\\uffff]*)?\\$`,
  word: `${NAME}[\\w$\\u0080-\\uffff]*`,
  number: "\\$?\\d[\\w.]*",
  other: "[^]",
};
const KINDS = Object.keys(PATTERNS);
const TOKEN = new RegExp(Object.values(PATTERNS).map((pattern) => `(${pattern})`).join("|"), "y");

/** The statements, comments and oddities of an SQL text.
 *
 * Strings, quoted names, dollar quotes, nested comments, parentheses and BEGIN ATOMIC bodies hide what is in them,
 * with standard_conforming_strings on. Other strings than E'...' need no rule for what continues them: cut in two, they
 * end where they do as one.
 *
 * Source: PostgreSQL manual, "Lexical Structure"; the server's scan.l, quotecontinue.
 */
export function scanSql(text: string): SqlScan {
  const statements: Statement[] = [];
  const lineComments: LineComment[] = [];
  const backslashes: number[] = [];
  let open: OpenStatement | undefined;
  let unterminated: SqlScan["unterminated"];
  for (const { kind, start, end, token, closed } of tokens(text)) {
    if (!closed) unterminated = { start, what: kind };
    if (kind === "space" || kind === "block") continue;
    if (kind === "line") {
      lineComments.push({ start, text: token });
      continue;
    }
    if (token === "\\") backslashes.push(start);
    if (token === ";" && (open === undefined || isComplete(open))) {
      if (open) statements.push({ start: open.start, end, words: open.words });
      open = undefined;
      continue;
    }
    open ??= { start, end, words: [], parens: 0, atomic: 0 };
    open.end = end;
    if (token === "(") open.parens++;
    if (token === ")") open.parens--;
    if (kind === "word" && open.parens === 0) addWord(open, token.toLowerCase());
  }
  if (open) statements.push({ start: open.start, end: open.end, words: open.words });
  return { statements, lineComments, backslashes, ...(unterminated ? { unterminated } : {}) };
}

interface OpenStatement {
  readonly start: number;
  end: number;
  readonly words: string[];
  parens: number;
  /** Depth of BEGIN ... END and CASE ... END inside a CREATE FUNCTION. */
  atomic: number;
}

function isComplete({ parens, atomic }: OpenStatement): boolean {
  return parens <= 0 && atomic === 0;
}

function addWord(statement: OpenStatement, word: string): void {
  const { words } = statement;
  words.push(word);
  const [first, second, , fourth] = words;
  const routine = ["function", "procedure"];
  if (first !== "create" || !(routine.includes(second) || (second === "or" && routine.includes(fourth)))) return;
  if (word === "begin" || (word === "case" && statement.atomic > 0)) statement.atomic++;
  if (word === "end" && statement.atomic > 0) statement.atomic--;
}

interface Token {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly token: string;
  readonly closed: boolean;
}

function* tokens(text: string): Generator<Token> {
  for (let start = 0; start < text.length;) {
    TOKEN.lastIndex = start;
    const [token, ...groups] = TOKEN.exec(text)!;
    const kind = KINDS[groups.findIndex((group) => group !== undefined)];
    const { end, closed } = endOf(text, start, kind, token);
    yield { kind, start, end, token, closed };
    start = end;
  }
}

function endOf(text: string, start: number, kind: string, token: string): { end: number; closed: boolean } {
  const end = start + token.length;
  if (kind === "block") return endOfBlockComment(text, start);
  if (kind === "dollar") {
    const close = text.indexOf(token, end);
    return close < 0 ? { end: text.length, closed: false } : { end: close + token.length, closed: true };
  }
  // Only what reaches the end of the text can lack its closing quote.
  return { end, closed: end < text.length || CLOSED[kind]?.test(token) !== false };
}

const CLOSED: Readonly<Record<string, RegExp>> = {
  escaped: new RegExp(`^${ESCAPED}$`),
  string: /^[^']*'[^']*(?:''[^']*)*'$/,
  quoted: /^[^"]*"[^"]*(?:""[^"]*)*"$/,
};

function endOfBlockComment(text: string, start: number): { end: number; closed: boolean } {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let match = mark.exec(text); match !== null; match = mark.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return { end: mark.lastIndex, closed: true };
  }
  return { end: text.length, closed: false };
}
