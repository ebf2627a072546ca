import type { PlotOptions } from "@observablehq/plot";
import { timeScale } from "./lines.ts";
import type { Canvas, Panel } from "./view.ts";

/** One bar over time. */
export interface Bar {
  readonly from: Date;
  readonly to: Date;
  readonly value: number;
  /** Whether a mark above it warns. */
  readonly isAlert?: boolean;
}

/** Options of `barPanel`. */
export interface BarOptions {
  readonly title: string;
  /** Title of the upright axis, with its unit. */
  readonly axis: string;
  readonly timeAxis: string;
  /** Bounds of the time, where panels share them. */
  readonly span?: { readonly from: Date; readonly to: Date };
  /** Top of the axis, where panels share it. */
  readonly max?: number;
}

/** A bar for each day or week; those with an alert have a triangle above them. */
export function barPanel(bars: readonly Bar[], options: BarOptions): Panel {
  return { title: options.title, draw: (canvas) => toPlot(canvas, bars, options) };
}

function toPlot({ plot, width }: Canvas, bars: readonly Bar[], { axis, timeAxis, span, max }: BarOptions): PlotOptions {
  const most = Math.max(max ?? 0, ...bars.map(({ value }) => value));
  return {
    height: 190,
    marginTop: 30,
    marginBottom: 50,
    marginLeft: 56,
    marginRight: 14,
    x: timeScale(span ? [span] : bars, timeAxis, width),
    y: { label: axis, labelArrow: "none", grid: true, nice: true, ticks: 4, domain: [0, most > 0 ? most * 1.08 : 1] },
    marks: [
      plot.rectY(bars, { x1: "from", x2: "to", y: "value", fill: "var(--c0)", inset: bars.length > 60 ? 0.2 : 0.8 }),
      plot.ruleY([0], { stroke: "var(--soft)" }),
      plot.dot(bars.filter(({ isAlert }) => isAlert), {
        x: ({ from, to }: Bar) => new Date((from.getTime() + to.getTime()) / 2),
        y: "value",
        dy: -7,
        symbol: "triangle",
        rotate: 180,
        r: 4,
        fill: "var(--alert)",
      }),
    ],
  };
}
