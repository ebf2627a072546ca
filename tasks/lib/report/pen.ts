import type { PlotOptions } from "@observablehq/plot";
import { escapeHtml } from "./html.ts";
import type { Canvas, Panel, PlotModule } from "./view.ts";

/** Draws panels. */
export interface Pen {
  /** One labelled SVG image of a panel. */
  draw(panel: Panel, options: { readonly label: string; readonly width: number }): string;
}

/** What is used of an element; Deno's types have none. */
interface Drawn {
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  querySelectorAll(selector: string): Iterable<Drawn>;
  remove(): void;
}

/** Font size of every chart in CSS pixels. */
const FONT_SIZE = 12;

/** Loads Observable Plot, and a document for it to draw in. */
export async function openPen(): Promise<Pen> {
  const [plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as { document?: unknown };
  return {
    draw: (panel, { label, width }) => toSvg(drawWith(plot, document, panel, width), label),
  };
}

function drawWith(plot: PlotModule, document: unknown, panel: Panel, width: number): Drawn {
  const canvas: Canvas = { plot, width };
  const options = panel.draw(canvas);
  return plot.plot({ ...options, document, width } as PlotOptions);
}

/** The drawing as text, without the style sheet that the page's policy forbids, and with short numbers. */
function toSvg(svg: Drawn, label: string): string {
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const group of svg.querySelectorAll("[aria-label]")) {
    group.setAttribute("class", group.getAttribute("aria-label")!.replaceAll(" ", "-"));
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-hidden");
  }
  svg.setAttribute("font-size", `${FONT_SIZE}`);
  svg.setAttribute("class", "plot");
  for (const element of svg.querySelectorAll("*")) shortenNumbers(element);
  return svg.outerHTML.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(label)}" `).replaceAll("\n", "");
}

const PLACES = new Set(["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy", "r"]);

function shortenNumbers(element: Drawn): void {
  for (const { name, value } of [...element.attributes]) {
    if (PLACES.has(name)) {
      element.setAttribute(
        name,
        value.replace(/-?\d+\.\d{2,}/g, (number: string) => String(Math.round(Number(number) * 10) / 10)),
      );
    }
  }
}
