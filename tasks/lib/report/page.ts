import { type Answer, nameOf, toRows } from "./answer.ts";
import { formatAlerts } from "./alerts.ts";
import { escapeHtml } from "./html.ts";
import { COLOURS } from "./palette.ts";
import type { Pen } from "./pen.ts";
import { formatSection } from "./section.ts";
import { SECTIONS } from "./sections.ts";
import { formatTiles } from "./tiles.ts";

/** What a page is made of. */
export interface PageParts {
  /** By query; those are missing whose dataset the lake has not. */
  readonly answers: ReadonlyMap<string, Answer>;
  /** analytics/report.css. */
  readonly css: string;
  readonly pen: Pen;
  readonly madeAt: Date;
}

/** One HTML page over the answers, complete in itself; every value in it is escaped, and its policy forbids requests. */
export async function formatPage({ answers, css, pen, madeAt }: PageParts): Promise<string> {
  const style = `\n${toColours()}${css}`;
  const [totals] = toRows(answers.get("totals")!.result);
  const sections = SECTIONS.map((section) => formatSection(section, answers.get(section.query), pen));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${await policyFor(style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Heretix checks</title>
<style>${style}</style>
</head>
<body>
<main>
<header><h1>Heretix checks</h1>
<p>${escapeHtml(`${nameOf(totals.first_day)} to ${nameOf(totals.last_day)}, UTC days. ${madeText(madeAt)}`)}</p>
${formatNavigation()}</header>
${formatTiles(totals)}
${formatAlerts(toRows(answers.get("alerts")!.result))}
${sections.join("\n")}
</main>
</body>
</html>
`;
}

/** Names of the queries that the page shows, and the views of catalog.sql that some of them need. */
export const PAGE_QUERIES: readonly { readonly query: string; readonly dataset?: string }[] = [
  { query: "totals" },
  { query: "alerts" },
  ...SECTIONS,
];

function madeText(madeAt: Date): string {
  return `Made at ${madeAt.toISOString().slice(0, 16).replace("T", " ")} UTC.`;
}

function formatNavigation(): string {
  const links = SECTIONS.map(({ query, subject }) => `<a href="#${query}">${escapeHtml(subject)}</a>`);
  return `<nav aria-label="Sections">${links.join(" ")}</nav>`;
}

/** The colours of charts as CSS variables, for light and dark. */
function toColours(): string {
  const lines = COLOURS.light.map((light, index) => `  --c${index}: light-dark(${light}, ${COLOURS.dark[index]});\n`);
  return `:root {\n${lines.join("")}}\n`;
}

/** Nothing may be loaded, run or sent; the one style sheet is known by its digest. */
async function policyFor(style: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const hash = new Uint8Array(digest).toBase64();
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}
