import type { Markish, PlotOptions } from "@observablehq/plot";
import type { Bin } from "./days.ts";
import type { Style } from "./palette.ts";
import type { Canvas, Panel } from "./view.ts";

/** One line of a chart over time. */
export interface Line {
  readonly name: string;
  readonly style: Style;
  /** A value for each bin; NaN where there is none, which leaves a gap. */
  readonly values: readonly number[];
  /** Bounds of a band about the line. */
  readonly band?: readonly (readonly [number, number])[];
}

/** Options of `linePanel`. */
export interface LineOptions {
  readonly title?: string;
  /** Title of the upright axis, with its unit. */
  readonly axis: string;
  readonly timeAxis: string;
  readonly domain?: readonly [number, number];
}

/** Bins up to which each value has a mark of its own; behind them every so many have one. */
const MAX_MARKS = 24;

/** A time over which each day has its tick: hours mean nothing to days. */
const SHORT_MS = 7 * 86_400_000;

/** Lines over days or weeks; each has its dashes and marks. */
export function linePanel(
  bins: readonly Pick<Bin, "from" | "to">[],
  lines: readonly Line[],
  options: LineOptions,
): Panel {
  const { title } = options;
  return { title, draw: (canvas) => toPlot(canvas, bins, lines, options) };
}

function toPlot(
  { plot, width }: Canvas,
  bins: readonly Pick<Bin, "from" | "to">[],
  lines: readonly Line[],
  { axis, timeAxis, domain }: LineOptions,
): PlotOptions {
  return {
    height: width < 500 ? 230 : 280,
    marginTop: 30,
    marginBottom: 50,
    marginLeft: 48,
    marginRight: 14,
    x: timeScale(bins, timeAxis, width),
    y: { label: axis, labelArrow: "none", grid: true, nice: true, zero: true, ticks: 5, ...(domain ? { domain } : {}) },
    marks: [plot.ruleY([0], { stroke: "var(--soft)" }), ...lines.flatMap((line) => lineMarks(plot, bins, line))],
  };
}

/** The axis of days, from the first bin's begin to the last one's end. */
export function timeScale(bins: readonly Pick<Bin, "from" | "to">[], label: string, width: number): PlotOptions["x"] {
  const domain = [bins[0].from, bins[bins.length - 1].to] as const;
  const isShort = domain[1].getTime() - domain[0].getTime() <= SHORT_MS;
  const ticks = isShort ? "1 day" as const : Math.floor(width / 90);
  return { type: "utc", domain, label, labelAnchor: "center", labelArrow: "none", ticks };
}

function lineMarks(plot: Canvas["plot"], bins: readonly Pick<Bin, "from" | "to">[], line: Line): Markish[] {
  const { colour, symbol, dash } = line.style;
  const points = withGaps(bins, line);
  const every = Math.ceil(bins.length / MAX_MARKS);
  const isLine = symbol === "times" || symbol === "plus";
  const bands = line.band ? [plot.areaY(points, { x: "at", y1: "lo", y2: "hi", fill: colour, fillOpacity: 0.13 })] : [];
  return [
    ...bands,
    plot.lineY(points, { x: "at", y: "value", stroke: colour, strokeWidth: 1.8, strokeDasharray: dash }),
    plot.dot(points.filter((_, index) => index % every === 0), {
      x: "at",
      y: "value",
      symbol,
      r: 3.6,
      fill: isLine ? "none" : colour,
      stroke: isLine ? colour : "var(--card)",
      strokeWidth: isLine ? 1.8 : 0.8,
    }),
  ];
}

interface Point {
  readonly at: Date;
  readonly value: number;
  readonly lo: number;
  readonly hi: number;
}

/** The points of a line, in the middle of their bins, with an empty one where bins are missing. */
function withGaps(bins: readonly Pick<Bin, "from" | "to">[], { values, band }: Line): Point[] {
  return bins.flatMap(({ from, to }, index) => {
    const [lo, hi] = band?.[index] ?? [NaN, NaN];
    const point = { at: new Date((from.getTime() + to.getTime()) / 2), value: values[index], lo, hi };
    const isGap = index > 0 && from.getTime() > bins[index - 1].to.getTime();
    return isGap ? [{ at: from, value: NaN, lo: NaN, hi: NaN }, point] : [point];
  });
}
