/** One element of an XML document; attributes and namespaces are left out. */
export interface XmlElement {
  /** Its name without a namespace's prefix. */
  readonly name: string;
  /** The text that stands directly in it. */
  readonly text: string;
  /** The elements that stand directly in it, in their order. */
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

/** The root of a document, as stores write them: elements, text, entities, CDATA, comments; no document type.
 *
 * Text is kept as it stands, white space and line ends included.
 *
 * Errors: SyntaxError for anything that is not such a document.
 */
export function parseXml(document: string): XmlElement {
  const top: OpenElement = { name: "", text: "", children: [] };
  const open = [top];
  for (const [token, inner] of tokensOf(document)) {
    const current = open.at(-1)!;
    if (token === "text" || token === "cdata") current.text += token === "text" ? decodeEntities(inner) : inner;
    else if (token === "close") {
      if (open.length === 1 || nameOf(inner) !== current.name) throw new SyntaxError(`</${inner}> closes nothing`);
      open.pop();
    } else {
      const element: OpenElement = { name: nameOf(inner), text: "", children: [] };
      current.children.push(element);
      if (token === "open") open.push(element);
    }
  }
  if (open.length > 1) throw new SyntaxError(`<${open.at(-1)!.name}> is not closed`);
  if (top.children.length !== 1 || top.text.trim() !== "") throw new SyntaxError("it is not one element");
  return top.children[0];
}

type Token = readonly [kind: "text" | "cdata" | "open" | "close" | "empty", inner: string];

/** What begins a piece of markup, and what ends it. */
const MARKUP = [
  ["<!--", "-->", "skipped"],
  ["<![CDATA[", "]]>", "cdata"],
  ["<?", "?>", "skipped"],
  ["</", ">", "close"],
] as const;

function* tokensOf(document: string): Generator<Token> {
  for (let at = document.startsWith("\ufeff") ? 1 : 0; at < document.length;) {
    if (document[at] !== "<") {
      const end = document.indexOf("<", at);
      yield ["text", document.slice(at, at = end < 0 ? document.length : end)];
      continue;
    }
    const [start, stop, kind] = MARKUP.find(([start]) => document.startsWith(start, at)) ?? ["<", ">", "tag"] as const;
    const end = kind === "tag" ? endOfTag(document, at) : document.indexOf(stop, at + start.length);
    if (end < 0) throw new SyntaxError(`${start} is not ended`);
    const inner = document.slice(at + start.length, end);
    at = end + stop.length;
    if (kind === "tag") yield inner.endsWith("/") ? ["empty", inner.slice(0, -1)] : ["open", inner];
    else if (kind !== "skipped") yield [kind, inner];
  }
}

/** Where a tag's > stands: a quoted value may hold one, too. */
function endOfTag(document: string, start: number): number {
  let quote = "";
  for (let at = start; at < document.length; at++) {
    const character = document[at];
    if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === ">") return at;
  }
  return -1;
}

function nameOf(tag: string): string {
  const [, name] = /^(?:[\w.-]+:)?([A-Za-z_][\w.-]*)(?=\s|$)/.exec(tag) ?? [];
  if (name === undefined) throw new SyntaxError(`<${tag.slice(0, 20)}> has no name`);
  return name;
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&([^;&]*);?/g, (entity, name: string) => {
    const [, hexadecimal, decimal] = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name) ?? [];
    const code = hexadecimal ? parseInt(hexadecimal, 16) : decimal ? Number(decimal) : undefined;
    const character = code === undefined ? NAMED[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (character === undefined || !entity.endsWith(";")) throw new SyntaxError("it has an unknown entity");
    return character;
  });
}

/** Text of the first child of this name. */
export function textOf({ children }: XmlElement, name: string): string | undefined {
  return children.find((child) => child.name === name)?.text;
}

/** A text with what has a meaning in XML written out. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
