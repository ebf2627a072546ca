import type { PlotOptions } from "@observablehq/plot";
import { type Answer, nameOf, namesBy, numberOf, type Row, rowsWith, sumOf, toRows } from "./answer.ts";
import { newestVersions } from "./brier.ts";
import { formatCountOf, shareBounds } from "./numbers.ts";
import { styleOf } from "./palette.ts";
import type { Canvas, View } from "./view.ts";

const MAX_MODELS = 4;
const MAX_VERSIONS = 2;

/** What models answer against what turned out true, a panel a model. */
export function viewCalibration({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "mean_p", "share_true", "runs");
  const models = namesBy(rows, "model", "runs").slice(0, MAX_MODELS);
  const versions = newestVersions(rows, MAX_VERSIONS);
  return {
    title: titleOf(rows, models),
    note: "On the dashed line as many are true as the model says. Each mark is a tenth of the scale, the larger the " +
      "more runs; the upright line is where the share lies in 95 of 100 cases.",
    legend: versions.map((name, index) => ({ name, style: styleOf(index) })),
    panels: models.map((model) => {
      const own = rows.filter((row) => nameOf(row.model) === model);
      return {
        title: `${model} (${formatCountOf(sumOf(own, "runs"), "run")})`,
        draw: (canvas: Canvas) => toPlot(canvas, own, versions),
      };
    }),
  };
}

function toPlot({ plot, width }: Canvas, rows: readonly Row[], versions: readonly string[]): PlotOptions {
  const axis = { domain: [0, 1], grid: true, ticks: 5, labelArrow: "none" as const };
  const most = Math.max(...rows.map(({ runs }) => numberOf(runs)));
  return {
    height: Math.min(width, 370) + 10,
    marginTop: 30,
    marginBottom: 46,
    marginLeft: 44,
    marginRight: 14,
    x: { ...axis, label: "answer (probability)", labelAnchor: "center" },
    y: { ...axis, label: "share that is true" },
    marks: [
      plot.link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: "var(--soft)", strokeDasharray: "4 3" }),
      // The newest on top.
      ...versions.toReversed().flatMap((version) => {
        const { colour, symbol, dash } = styleOf(versions.indexOf(version));
        const points = rows.filter((row) => nameOf(row.prompt_version) === version).map(toPoint);
        return [
          plot.ruleX(points, { x: "x", y1: "lo", y2: "hi", stroke: colour, strokeOpacity: 0.55 }),
          plot.line(points, { x: "x", y: "y", stroke: colour, strokeWidth: 1.5, strokeDasharray: dash }),
          plot.dot(points, {
            x: "x",
            y: "y",
            symbol,
            fill: colour,
            stroke: "var(--card)",
            r: ({ runs }: { runs: number }) => 3 + 6 * Math.sqrt(runs / most),
          }),
        ];
      }),
    ],
    r: { type: "identity" },
  };
}

function toPoint(row: Row) {
  const [y, runs] = [numberOf(row.share_true), numberOf(row.runs)];
  return { x: numberOf(row.mean_p), y, runs, ...shareBounds(y, runs) };
}

/** How far a model's answers lie from what is true, on average over its runs. */
function meanGap(rows: readonly Row[]): number {
  const sum = rows.reduce(
    (gap, row) => gap + numberOf(row.runs) * Math.abs(numberOf(row.share_true) - numberOf(row.mean_p)),
    0,
  );
  return sum / sumOf(rows, "runs");
}

function titleOf(rows: readonly Row[], models: readonly string[]): string {
  if (models.length === 0) return "Nothing to calibrate: of no run it is known what is true";
  const gaps = models.map((model) => ({ model, gap: meanGap(rows.filter((row) => nameOf(row.model) === model)) }))
    .sort((a, b) => a.gap - b.gap);
  const points = ({ gap }: { readonly gap: number }) => `${Math.round(gap * 100)} points`;
  const [best, worst] = [gaps[0], gaps[gaps.length - 1]];
  return best === worst
    ? `${best.model} is off by ${points(best)} on average`
    : `${best.model} is calibrated best, off by ${points(best)} on average; ${worst.model} worst, by ${points(worst)}`;
}
