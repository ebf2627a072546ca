import { baseViewOf, type CatalogView } from "./catalog_views.ts";

/** What queries need of the catalog. */
export interface Wanted {
  /** Names of the views that they use, directly or by way of others. */
  readonly views: ReadonlySet<string>;
  /** Every word in their SQL and in that of those views, in lower case: a column with none of these names is not needed.
   * Undefined where a query takes rows whole, so that every column counts. */
  readonly words: ReadonlySet<string> | undefined;
}

/** Words by which SQL takes all columns of a row without naming them. */
const WHOLE =
  /^(columns|describe|natural|pivot|positional|show|summarize|table|unpivot|information_schema|(duckdb|pragma)_\w+)$/;
const TOKEN = /--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\w$\u0080-\uffff]+|\S/g;

/** What queries need of a catalog's views, by the words in their SQL; in doubt, and where none is given, all. */
export function wantedBy(queries: readonly string[], views: readonly CatalogView[]): Wanted {
  const open = openViews(views);
  const texts = queries.map(tokensOf);
  if (texts.length === 0 || texts.some((tokens) => takesRows(tokens, open))) {
    return { views: new Set(views.map(({ name }) => name)), words: undefined };
  }
  const words = new Set(texts.flat());
  const used = new Set<string>();
  for (let next = unused(); next; next = unused()) {
    used.add(next.name);
    for (const word of tokensOf(next.sql)) words.add(word);
  }
  return { views: used, words };

  function unused(): CatalogView | undefined {
    return views.find(({ name }) => words.has(name.toLowerCase()) && !used.has(name));
  }
}

/** Names of the views whose columns are those of the files, whatever these are. */
function openViews(views: readonly CatalogView[]): Set<string> {
  const open = new Set<string>();
  for (const view of views) {
    if (baseViewOf(view.sql) || takesRows(tokensOf(view.sql), open)) open.add(view.name.toLowerCase());
  }
  return open;
}

/** Words in lower case and other characters of an SQL text, without its comments; strings are empty. */
function tokensOf(sql: string): string[] {
  return (sql.match(TOKEN) ?? []).filter((token) => !/^(--|\/\*)/.test(token)).map((token) => {
    if (token.startsWith("'")) return "''";
    return (token.startsWith('"') ? token.slice(1, -1) : token).toLowerCase();
  });
}

/** Whether SQL takes rows of an open view whole: by a star, a word, FROM without SELECT, or the view's name as a value. */
function takesRows(tokens: readonly string[], open: ReadonlySet<string>): boolean {
  const relations = { open, aliases: aliasesOf(tokens, open) };
  return hasBareFrom(tokens) ||
    tokens.some((token, at) =>
      WHOLE.test(token) || (token === "*" ? isOpenStar(tokens, at, relations) : isRow(tokens, at, relations))
    );
}

/** Functions with FROM between their arguments. */
const TAKES_FROM = ["extract", "overlay", "substring", "trim"];

/** Whether a FROM has no SELECT before it, between the same parentheses: it then takes all columns. */
function hasBareFrom(tokens: readonly string[]): boolean {
  const selected = [false];
  return tokens.some((token, at) => {
    if (token === "(") selected.push(TAKES_FROM.includes(tokens[at - 1]));
    else if (token === ")") selected.pop();
    else if (token === "select") selected[selected.length - 1] = true;
    else if (["union", "except", "intersect"].includes(token)) selected[selected.length - 1] = false;
    return token === "from" && !selected.at(-1);
  });
}

/** What the words of a text can mean. */
interface Relations {
  readonly open: ReadonlySet<string>;
  /** Aliases of open views, and where each is given. */
  readonly aliases: ReadonlyMap<string, number>;
}

const NO_ALIAS =
  /^(anti|asof|cross|except|full|group|having|inner|intersect|join|left|limit|offset|on|order|qualify|right|sample|select|semi|union|using|where|window)$/;

function aliasesOf(tokens: readonly string[], open: ReadonlySet<string>): Map<string, number> {
  const aliases = new Map<string, number>();
  for (const [at, token] of tokens.entries()) {
    if (!open.has(token) || !isRelation(tokens, at)) continue;
    const place = tokens[at + 1] === "as" ? at + 2 : at + 1;
    const alias = tokens[place];
    if (alias !== undefined && /^\w/.test(alias) && !NO_ALIAS.test(alias)) aliases.set(alias, place);
  }
  return aliases;
}

function isRelation(tokens: readonly string[], at: number): boolean {
  return ["from", "join", ","].includes(tokens[at - 1]);
}

function isOpenStar(tokens: readonly string[], at: number, { open, aliases }: Relations): boolean {
  const [before, word] = [tokens[at - 1], tokens[at - 2]];
  if (before === "(") return word !== "count";
  if (before === ".") return open.has(word) || aliases.has(word);
  if (!["select", "distinct", ",", "all"].includes(before)) return false;
  let depth = 0;
  for (let index = at + 1; index < tokens.length && depth >= 0; index++) {
    if (tokens[index] === "(") depth++;
    else if (tokens[index] === ")") depth--;
    else if (depth === 0 && open.has(tokens[index]) && isRelation(tokens, index)) return true;
  }
  return false;
}

/** Whether a token is an open view's name or alias that stands for a row of it. */
function isRow(tokens: readonly string[], at: number, { open, aliases }: Relations): boolean {
  const token = tokens[at];
  const [before, after] = [tokens[at - 1], tokens[at + 1]];
  if (before === "." || before === "as" || after === "." || aliases.get(token) === at) return false;
  if (aliases.has(token)) return true;
  // A column can be called as a view is.
  const isColumn = tokens.some((other, index) => other === token && tokens[index - 1] === "as");
  return open.has(token) && !isColumn && before !== "from" && before !== "join" && before !== "view";
}
