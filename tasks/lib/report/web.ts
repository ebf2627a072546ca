import { type Answer, nameOf, numberOf, rowsWith, sumOf, toRows } from "./answer.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { formatCountOf, formatPercent, shareBounds } from "./numbers.ts";
import type { View } from "./view.ts";

const MAX_MODELS = 12;

/** How often the web moves each model towards the truth. */
export function viewWeb({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "towards_truth", "resolved_moved");
  const shown = rows.toSorted((a, b) => numberOf(b.resolved_moved) - numberOf(a.resolved_moved)).slice(0, MAX_MODELS);
  const estimates = shown.map((row): Estimate => {
    const [value, count] = [numberOf(row.towards_truth), numberOf(row.resolved_moved)];
    const label = `${nameOf(row.model)} (${formatCountOf(count, "resolved run")})`;
    return { label, series: 0, value, ...shareBounds(value, count) };
  });
  const axis = "share of runs that the web moves towards the truth";
  const reference = { value: 0.5, name: "as often as not" };
  return {
    title: titleOf(estimates),
    note: "Of the resolved runs whose answer the web changed; the line holds the share in 95 of 100 cases.",
    panels: estimates.length === 0 ? [] : [estimatePanel(estimates, { axis, domain: [0, 1], reference })],
  };
}

function titleOf(estimates: readonly Estimate[]): string {
  if (estimates.length === 0) return "Of no run it is known whether the web moved it towards the truth";
  const sorted = estimates.toSorted((a, b) => b.value - a.value);
  const [best, worst] = [sorted[0], sorted[sorted.length - 1]];
  const model = ({ label }: Estimate) => label.replace(/ \([^()]*\)$/, "");
  return best === worst
    ? `The web moves ${model(best)} towards the truth in ${formatPercent(best.value)} of runs`
    : `The web moves ${model(best)} towards the truth in ${formatPercent(best.value)} of runs, ` +
      `${model(worst)} in ${formatPercent(worst.value)}`;
}

/** How many runs are web-informed, by month: a table. */
export function viewWebShare({ result }: Answer): View {
  const rows = toRows(result);
  const month = rows.map((row) => nameOf(row.month)).sort().at(-1);
  const newest = rows.filter((row) => nameOf(row.month) === month);
  const web = sumOf(newest, "web_runs");
  const resolved = web > 0 ? `, ${formatPercent(sumOf(newest, "resolved") / web)} of them resolved` : "";
  return {
    title: `In ${nameOf(month)} ${formatPercent(web / sumOf(newest, "runs"))} of the runs were web-informed${resolved}`,
    note: "By month and env, the newest month first.",
    panels: [],
  };
}
