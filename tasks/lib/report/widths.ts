import { type Answer, nameOf, namesBy, type Row, rowsWith, sumOf, toRows, weightedMean } from "./answer.ts";
import { type Bin, lastDays, type Step, stepOf, toBins } from "./days.ts";
import { linePanel } from "./lines.ts";
import { formatFixed } from "./numbers.ts";
import { styleOf } from "./palette.ts";
import type { View } from "./view.ts";

const MAX_MODELS = 5;

/** How wide the intervals of each model are, over time. */
export function viewWidths({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "median_width", "runs");
  const step = stepOf(rows);
  const bins = toBins(rows, step);
  const models = namesBy(rows, "model", "runs").slice(0, MAX_MODELS);
  return {
    title: titleOf(rows, models),
    note: noteOf(step),
    legend: models.map((name, index) => ({ name, style: styleOf(index) })),
    panels: bins.length === 0 ? [] : [panelOf(bins, models, step)],
  };
}

function panelOf(bins: readonly Bin[], models: readonly string[], step: Step) {
  const lines = models.map((name, index) => ({
    name,
    style: styleOf(index),
    values: bins.map(({ rows }) => weightedMean(ofModel(rows, name), "median_width", "runs")),
  }));
  return linePanel(bins, lines, { axis: "median width of the interval (probability)", timeAxis: `${step}, UTC` });
}

function noteOf(step: Step): string {
  const days = "The median width of each day's intervals; quartiles are in the table.";
  return step === "day" ? days : "Mean of the days' median widths in each week, weighted by their runs.";
}

function ofModel(rows: readonly Row[], model: string): Row[] {
  return rows.filter((row) => nameOf(row.model) === model);
}

function titleOf(rows: readonly Row[], models: readonly string[]): string {
  if (models.length === 0) return "No run has an interval";
  const recent = lastDays(rows, 7);
  const widths = models.map((model) => ({ model, width: weightedMean(ofModel(recent, model), "median_width", "runs") }))
    .filter(({ width }) => Number.isFinite(width)).sort((a, b) => a.width - b.width);
  if (widths.length === 0) return "No run of the last 7 days has an interval";
  const [best, worst] = [widths[0], widths[widths.length - 1]];
  const all = formatFixed(weightedMean(recent, "median_width", "runs"), 3);
  const spread = best === worst ? "" : `, from ${formatFixed(best.width, 3)} (${best.model}) to ` +
    `${formatFixed(worst.width, 3)} (${worst.model})`;
  return `Intervals of the last 7 days are ${all} wide${spread}${changeOf(rows)}`;
}

/** What became of the width since the first 7 days, all models together. */
function changeOf(rows: readonly Row[]): string {
  const days = [...new Set(rows.map(({ dt }) => nameOf(dt)))].sort();
  if (days.length < 21 || sumOf(rows, "runs") < 100) return "";
  const meanOf = (some: readonly string[]) =>
    weightedMean(rows.filter(({ dt }) => some.includes(nameOf(dt))), "median_width", "runs");
  return `; those of the first 7 were ${formatFixed(meanOf(days.slice(0, 7)), 3)}`;
}
