import type { Markish, PlotOptions } from "@observablehq/plot";
import { fitText } from "./html.ts";
import { type Style, styleOf } from "./palette.ts";
import type { Canvas, Panel } from "./view.ts";

/** A number that rows tell, and how sure it is. */
export interface Estimate {
  /** The line of the chart that it stands in. */
  readonly label: string;
  /** Place of its style. */
  readonly series: number;
  readonly value: number;
  /** Bounds of what it may be; the value itself where that is not asked. */
  readonly lo: number;
  readonly hi: number;
  /** A style other than that of its series. */
  readonly style?: Style;
}

/** Options of `estimatePanel`. */
export interface EstimateOptions {
  readonly title?: string;
  /** Title of the axis, with its unit. */
  readonly axis: string;
  /** A value to compare with, and its name. */
  readonly reference?: { readonly value: number; readonly name: string };
  /** Bounds of the axis; those of the values where there are none. */
  readonly domain?: readonly [number, number];
  /** Whether a line joins what one label has, all at one height. */
  readonly joined?: boolean;
}

const LABEL_HEIGHT = 20;
const MARK_HEIGHT = 15;

/** A line for each label, with a dot for each of its estimates and a rule between the bounds of each. */
export function estimatePanel(estimates: readonly Estimate[], options: EstimateOptions): Panel {
  const { title } = options;
  return { title, draw: (canvas) => toPlot(canvas, estimates, options) };
}

function toPlot({ plot, width }: Canvas, estimates: readonly Estimate[], options: EstimateOptions): PlotOptions {
  const labels = [...new Set(estimates.map(({ label }) => label))];
  const places = [...new Set(estimates.map(({ series }) => series))].sort((a, b) => a - b);
  const tiers = options.joined ? 1 : places.length;
  const band = LABEL_HEIGHT + tiers * MARK_HEIGHT + 8;
  const lower = (series: number) =>
    LABEL_HEIGHT / 2 + (options.joined ? 0 : (places.indexOf(series) - (tiers - 1) / 2) * MARK_HEIGHT);
  return {
    height: labels.length * band + 56,
    marginTop: options.reference ? 20 : 6,
    marginBottom: 38,
    marginLeft: 20,
    marginRight: 20,
    x: {
      label: options.axis,
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      nice: !options.domain,
      domain: options.domain ?? domainOf(estimates, options),
      ticks: Math.floor(width / 75),
    },
    y: { domain: labels, type: "band", padding: 0, axis: null },
    marks: [
      ...referenceMarks(plot, options),
      ...(options.joined ? [joinMark(plot, estimates, lower(0))] : []),
      ...estimates.flatMap((estimate) => estimateMarks(plot, estimate, lower(estimate.series))),
      plot.text(labels, {
        y: (label: string) => label,
        text: (label: string) => fitText(label, width - 40),
        frameAnchor: "left",
        dy: LABEL_HEIGHT / 2 - band / 2,
        textAnchor: "start",
        fill: "var(--ink)",
        stroke: "var(--card)",
        strokeWidth: 4,
      }),
    ],
  };
}

function domainOf(estimates: readonly Estimate[], { reference }: EstimateOptions): [number, number] {
  const values = [
    ...estimates.flatMap(({ lo, hi, value }) => [lo, hi, value]),
    ...(reference ? [reference.value] : []),
  ];
  const [lo, hi] = [Math.min(...values), Math.max(...values)];
  const room = (hi - lo) * 0.04 || Math.abs(hi) * 0.1 || 0.1;
  return [lo - room, hi + room];
}

function referenceMarks(plot: Canvas["plot"], { reference }: EstimateOptions): Markish[] {
  if (!reference) return [];
  return [
    plot.ruleX([reference.value], { stroke: "var(--soft)", strokeDasharray: "4 3" }),
    plot.text([reference], {
      x: "value",
      text: "name",
      frameAnchor: "top",
      dy: -12,
      fill: "var(--soft)",
      stroke: "var(--card)",
      strokeWidth: 4,
    }),
  ];
}

function joinMark(plot: Canvas["plot"], estimates: readonly Estimate[], dy: number): Markish {
  const ends = [...Map.groupBy(estimates, ({ label }) => label)].map(([label, own]) => ({
    label,
    from: Math.min(...own.map(({ value }) => value)),
    to: Math.max(...own.map(({ value }) => value)),
  }));
  return plot.ruleY(ends, { y: "label", x1: "from", x2: "to", dy, stroke: "var(--rule)", strokeWidth: 5 });
}

function estimateMarks(plot: Canvas["plot"], estimate: Estimate, dy: number): Markish[] {
  const { colour, symbol } = estimate.style ?? styleOf(estimate.series);
  const isLine = symbol === "times" || symbol === "plus";
  const interval = estimate.hi > estimate.lo
    ? [plot.ruleY([estimate], { y: "label", x1: "lo", x2: "hi", dy, stroke: colour, strokeWidth: 2 })]
    : [];
  const dot = plot.dot([estimate], {
    x: "value",
    y: "label",
    dy,
    symbol,
    r: 4.5,
    fill: isLine ? "none" : colour,
    stroke: isLine ? colour : "var(--card)",
    strokeWidth: isLine ? 2 : 1,
  });
  return [...interval, dot];
}
