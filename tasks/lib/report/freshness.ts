import type { PlotOptions } from "@observablehq/plot";
import { type Answer, nameOf, numberOf, type Row, toRows } from "./answer.ts";
import { dayOf } from "./days.ts";
import { fitText } from "./html.ts";
import { formatCountOf } from "./numbers.ts";
import { type Style, STYLES, withoutDash } from "./palette.ts";
import type { Canvas, Key, View } from "./view.ts";

const DAY_MS = 86_400_000;
const LINE_HEIGHT = 38;
const MAX_LINES = 16;

const CURRENT: Style = withoutDash(STYLES[2]);
const BEHIND: Style = withoutDash(STYLES[4]);

const LEGEND: readonly Key[] = [
  { name: "has rows of its lane's last day", style: CURRENT },
  { name: "is behind", style: BEHIND },
];

/** The last row of each lane and env, and how far behind it is. */
export function viewFreshness({ result }: Answer): View {
  const rows = toRows(result).filter(({ last_row }) => !Number.isNaN(toTime(nameOf(last_row)).getTime()));
  const shown = rows.toSorted((a, b) => numberOf(b.days_behind) - numberOf(a.days_behind)).slice(0, MAX_LINES);
  return {
    title: titleOf(rows),
    note: "When the last row of each lane and env was made, UTC; and how many of its days have no rows.",
    legend: LEGEND,
    panels: shown.length === 0 ? [] : [{ draw: (canvas) => toPlot(canvas, shown) }],
  };
}

function toPlot({ plot, width }: Canvas, rows: readonly Row[]): PlotOptions {
  const lines = rows.map(toLine);
  const last = Math.max(...lines.map(({ at }) => at.getTime()));
  const first = Math.min(last - 7 * DAY_MS, ...lines.map(({ at }) => at.getTime()));
  return {
    height: lines.length * LINE_HEIGHT + 56,
    marginTop: 6,
    marginBottom: 50,
    marginLeft: 14,
    marginRight: 18,
    x: {
      type: "utc",
      domain: [new Date(first), new Date(last)],
      nice: true,
      grid: true,
      label: "last row, UTC",
      labelAnchor: "center",
      labelArrow: "none",
      ticks: Math.floor(width / 90),
    },
    y: { domain: lines.map(({ name }) => name), type: "band", padding: 0, axis: null },
    marks: [
      plot.ruleY(lines, { y: "name", x1: new Date(first), x2: "at", dy: 9, stroke: "var(--rule)", strokeWidth: 2 }),
      ...[CURRENT, BEHIND].map((style) =>
        plot.dot(lines.filter((line) => line.style === style), {
          x: "at",
          y: "name",
          dy: 9,
          symbol: style.symbol,
          r: 5,
          fill: style.symbol === "times" ? "none" : style.colour,
          stroke: style.colour,
          strokeWidth: 2,
        })
      ),
      plot.text(lines, {
        y: "name",
        text: ({ text }: { text: string }) => fitText(text, width - 28),
        frameAnchor: "left",
        dy: -8,
        textAnchor: "start",
        fill: "var(--ink)",
        stroke: "var(--card)",
        strokeWidth: 4,
      }),
    ],
  };
}

function toLine(row: Row) {
  const name = nameOf(row.lane) === nameOf(row.env) ? nameOf(row.env) : `${nameOf(row.lane)} / ${nameOf(row.env)}`;
  const at = toTime(nameOf(row.last_row));
  const gaps = numberOf(row.gap_days);
  const text = [name, minuteOf(at), behindOf(row), gaps > 0 ? `${formatCountOf(gaps, "day")} without rows` : ""];
  return {
    name: JSON.stringify([row.lane, row.env]),
    at,
    text: text.filter((part) => part !== "").join(" · "),
    style: numberOf(row.days_behind) > 0 ? BEHIND : CURRENT,
  };
}

/** A timestamp as DuckDB prints it, for drawing: "2025-09-30 14:12:00.5+00". */
function toTime(text: string): Date {
  const time = new Date(`${text.slice(0, 10)}T${text.slice(11, 16) || "00:00"}:00Z`);
  return Number.isNaN(time.getTime()) ? dayOf(text) : time;
}

function minuteOf(at: Date): string {
  return at.toISOString().slice(0, 16).replace("T", " ");
}

function behindOf({ days_behind }: Row): string {
  const behind = numberOf(days_behind);
  return behind > 0 ? `${formatCountOf(behind, "day")} behind` : "";
}

function titleOf(rows: readonly Row[]): string {
  if (rows.length === 0) return "No lane has rows";
  const newest = rows.map(({ last_row }) => nameOf(last_row)).sort().at(-1)!;
  const behind = rows.filter(({ days_behind }) => numberOf(days_behind) > 0)
    .sort((a, b) => numberOf(b.days_behind) - numberOf(a.days_behind));
  const text = `The newest row is of ${minuteOf(toTime(newest))} UTC`;
  if (behind.length === 0) return `${text}; every env has rows of its lane's last day`;
  const [worst] = behind;
  return `${text}; ${nameOf(worst.env)} in lane ${nameOf(worst.lane)} is ${behindOf(worst)}`;
}
