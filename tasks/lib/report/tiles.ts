import { numberOf, type Row } from "./answer.ts";
import { escapeHtml } from "./html.ts";
import { formatCount, formatFixed, formatPercent, formatUsd } from "./numbers.ts";

/** The lake in a few numbers. */
export function formatTiles(totals: Row): string {
  const number = (column: string) => numberOf(totals[column]);
  const tiles = [
    ["Executions", formatCount(number("rows"))],
    ["Runs", formatCount(number("runs"))],
    ["Claims", formatCount(number("claims"))],
    ["Models", formatCount(number("models"))],
    ["Brier score", formatFixed(number("brier"), 3)],
    ["Web-informed", formatPercent(number("web_share"))],
    ["From the cache", formatPercent(number("cached_share"))],
    ["Cost", formatUsd(number("cost_usd"))],
  ];
  const cells = tiles.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="tiles">${cells.join("")}</dl>`;
}
