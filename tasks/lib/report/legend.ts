import { escapeHtml } from "./html.ts";
import { cutText } from "./html.ts";
import type { Style } from "./palette.ts";
import type { Key } from "./view.ts";

/** What the colours, marks and dashes of a chart stand for. */
export function formatLegend(keys: readonly Key[]): string {
  const items = keys.map(({ name, style }) => `<li>${swatch(style)}<bdi>${escapeHtml(cutText(name, 48))}</bdi></li>`);
  return items.length === 0 ? "" : `<ul class="legend">${items.join("")}</ul>`;
}

/** Outlines of the marks, about the middle of a swatch. */
const SHAPES: Readonly<Record<Style["symbol"], string>> = {
  circle: "M9,7a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  diamond2: "M13,2L18,7L13,12L8,7Z",
  square2: "M9,3H17V11H9Z",
  triangle2: "M13,2L18,11H8Z",
  times: "M9,3L17,11M9,11L17,3",
  plus: "M13,2V12M8,7H18",
};

function swatch({ colour, symbol, dash }: Style): string {
  const isLine = symbol === "times" || symbol === "plus";
  const dashes = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
  return `<svg width="26" height="14" viewBox="0 0 26 14" aria-hidden="true"><path d="M0,7H26" stroke="${colour}" ` +
    `stroke-width="1.8"${dashes}/><path d="${SHAPES[symbol]}" fill="${isLine ? "none" : colour}" stroke="${
      isLine ? colour : "none"
    }" stroke-width="2"/></svg>`;
}
