import type { PlotOptions } from "@observablehq/plot";
import { type Answer, nameOf, numberOf, type Row, sumOf, toRows } from "./answer.ts";
import { fitText } from "./html.ts";
import { formatCount, formatCountOf, formatPercent } from "./numbers.ts";
import type { Canvas, View } from "./view.ts";

const LINE_HEIGHT = 46;

/** How much of what each plan allows was used in the newest month. */
export function viewAllowance({ result }: Answer): View {
  const rows = toRows(result);
  const month = rows.map((row) => nameOf(row.month)).sort().at(-1);
  const newest = rows.filter((row) => nameOf(row.month) === month);
  return {
    title: titleOf(newest, month),
    note: "Checks used, of those that the plan allows, in the newest month; earlier months are in the table.",
    panels: newest.length === 0 ? [] : [{ draw: (canvas) => toPlot(canvas, newest) }],
  };
}

function toPlot({ plot, width }: Canvas, rows: readonly Row[]): PlotOptions {
  const lines = rows.map((row) => ({
    plan: nameOf(row.plan),
    share: shareOf([row]),
    text: fitText(textOf(row), width - 34),
  }));
  return {
    height: lines.length * LINE_HEIGHT + 68,
    marginTop: 20,
    marginBottom: 48,
    marginLeft: 14,
    marginRight: 20,
    x: {
      label: "share of the allowance that is used",
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      tickFormat: "%",
      domain: [0, Math.max(1, ...lines.map(({ share }) => share))],
      ticks: Math.floor(width / 80),
    },
    y: { domain: lines.map(({ plan }) => plan), type: "band", padding: 0, axis: null },
    marks: [
      plot.barX(lines, { y: "plan", x: "share", fill: "var(--c0)", insetTop: 22, insetBottom: 8 }),
      plot.ruleX([1], { stroke: "var(--soft)", strokeDasharray: "4 3" }),
      plot.text(["all"], { x: 1, frameAnchor: "top-right", dy: -14, textAnchor: "end", fill: "var(--soft)" }),
      plot.text(lines, {
        y: "plan",
        text: "text",
        frameAnchor: "left",
        dy: -12,
        textAnchor: "start",
        fill: "var(--ink)",
        stroke: "var(--card)",
        strokeWidth: 4,
      }),
    ],
  };
}

function shareOf(rows: readonly Row[]): number {
  return sumOf(rows, "used") / sumOf(rows, "allowed") || 0;
}

function textOf(row: Row): string {
  const count = (column: string) => formatCount(numberOf(row[column]) || 0);
  const over = numberOf(row.over) > 0 ? `, ${count("over")} over` : "";
  return `${nameOf(row.plan)}: ${count("used")} of ${count("allowed")} by ${
    formatCountOf(numberOf(row.users), "user")
  }${over}`;
}

function titleOf(rows: readonly Row[], month: string | undefined): string {
  if (month === undefined) return "No month has an allowance";
  const over = sumOf(rows, "over");
  const full = sumOf(rows, "full") + sumOf(rows, "near");
  return `In ${month} ${formatPercent(shareOf(rows))} of the allowance was used; ` +
    `${formatCount(over)} ${over === 1 ? "user is" : "users are"} over it, ${formatCount(full)} at it or near`;
}
