import { type Answer, nameOf, namesBy, type Row, rowsWith, toRows, weightedMean } from "./answer.ts";
import { lastDays, stepOf, toBins } from "./days.ts";
import { linePanel } from "./lines.ts";
import { formatPercent } from "./numbers.ts";
import { styleOf } from "./palette.ts";
import type { View } from "./view.ts";

const MAX_ENVS = 5;

/** Which part of the samples came from the cache, by env over time. */
export function viewCache({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "mean_hit_rate", "rows");
  const step = stepOf(rows);
  const bins = toBins(rows, step);
  const envs = namesBy(rows, "env", "rows").slice(0, MAX_ENVS);
  const lines = envs.map((name, index) => ({
    name,
    style: styleOf(index),
    values: bins.map(({ rows }) => weightedMean(ofEnv(rows, name), "mean_hit_rate", "rows")),
  }));
  const options = { axis: "mean cache hit rate (share of samples)", timeAxis: `${step}, UTC`, domain: [0, 1] as const };
  return {
    title: titleOf(rows, envs),
    note: `Mean over the executions of each ${step}.`,
    legend: lines,
    panels: bins.length === 0 ? [] : [linePanel(bins, lines, options)],
  };
}

function ofEnv(rows: readonly Row[], env: string): Row[] {
  return rows.filter((row) => nameOf(row.env) === env);
}

function titleOf(rows: readonly Row[], [most]: readonly string[]): string {
  if (most === undefined) return "No row tells of the cache";
  const recent = weightedMean(lastDays(rows, 7), "mean_hit_rate", "rows");
  const whole = weightedMean(rows, "mean_hit_rate", "rows");
  return `${formatPercent(recent)} of the samples of the last 7 days came from the cache, ${
    formatPercent(whole)
  } of all`;
}
