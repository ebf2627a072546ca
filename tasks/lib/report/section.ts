import type { Answer } from "./answer.ts";
import { cutText, escapeHtml } from "./html.ts";
import { formatLegend } from "./legend.ts";
import type { Pen } from "./pen.ts";
import type { Section } from "./sections.ts";
import { captionOf, formatTable } from "./table.ts";
import type { Panel, View } from "./view.ts";

/** Widths that drawings are made in: on a screen of its own, beside another one, and on a phone. */
const WIDTHS = { whole: 760, half: 370, phone: 330 } as const;

/** One section of the page: finding, chart, and folded below it the table and the query. */
export function formatSection({ query, subject, view }: Section, answer: Answer | undefined, pen: Pen): string {
  const body = answer === undefined
    ? `<p class="note">The lake has no such dataset.</p>`
    : answer.result.rows.length === 0
    ? `<h3>No rows</h3><p class="note">${escapeHtml(answer.description)}</p>${formatFolded(answer)}`
    : formatAnswer(answer, view(answer), pen);
  return `<section id="${query}"><h2>${escapeHtml(subject)}</h2>${body}</section>`;
}

function formatAnswer(answer: Answer, view: View, pen: Pen): string {
  return formatView(view, pen) + formatFolded(answer, view);
}

function formatView(view: View, pen: Pen): string {
  const legend = view.panels.length > 0 ? formatLegend(view.legend ?? []) : "";
  const title = cutText(view.title, 240);
  return `<figure><figcaption><h3>${escapeHtml(title)}</h3><p class="note">${escapeHtml(view.note)}</p>${legend}` +
    `</figcaption>${formatPanels(view.panels, title, pen)}</figure>`;
}

function formatPanels(panels: readonly Panel[], finding: string, pen: Pen): string {
  if (panels.length === 0) return "";
  const width = panels.length > 1 ? WIDTHS.half : WIDTHS.whole;
  const drawn = panels.map((panel) => {
    const label = panel.title === undefined ? finding : `${cutText(panel.title, 60)}: ${finding}`;
    const title = panel.title === undefined ? "" : `<h4><bdi>${escapeHtml(cutText(panel.title, 60))}</bdi></h4>`;
    const wide = pen.draw(panel, { label, width });
    const narrow = pen.draw(panel, { label, width: WIDTHS.phone });
    return `<div class="panel">${title}<div class="wide">${wide}</div><div class="narrow">${narrow}</div></div>`;
  });
  return `<div class="panels${panels.length > 1 ? " several" : ""}">${drawn.join("")}</div>`;
}

function formatFolded({ name, sql, description, result }: Answer, view?: View): string {
  const table = result.rows.length === 0
    ? ""
    : `<details${view?.panels.length === 0 ? " open" : ""}><summary>${captionOf(result)}</summary>${
      formatTable(result, `Rows of ${name}`)
    }</details>`;
  return `${table}<details><summary>Query <code>${escapeHtml(name)}</code></summary>` +
    `<p class="note">${escapeHtml(description)}</p><pre tabindex="0">${escapeHtml(sql)}</pre></details>`;
}
