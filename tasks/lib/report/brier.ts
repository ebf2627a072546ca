import { type Answer, nameOf, namesBy, numberOf, type Row, rowsWith, sumOf, toRows, weightedMean } from "./answer.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { formatCountOf, formatFixed } from "./numbers.ts";
import { styleOf, withoutDash } from "./palette.ts";
import type { Panel, View } from "./view.ts";

/** Versions, modes and models of a chart at most. */
const MAX_VERSIONS = 4;
const MAX_MODELS = 8;

/** The Brier score of each model and prompt version, a panel a mode. */
export function viewBrier({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "brier", "runs");
  const versions = newestVersions(rows, MAX_VERSIONS);
  const modes = namesBy(rows, "mode", "runs").slice(0, 2);
  return {
    title: titleOf(rows),
    note: "Mean squared distance of the answer from what turned out true, with the range that holds it in 95 of 100 " +
      "cases: 0 is perfect, 0.25 is what a coin gets. Left is better.",
    legend: versions.map((name, index) => ({ name, style: withoutDash(styleOf(index)) })),
    panels: modes.map((mode) => panelOf(rows, mode, versions)),
  };
}

/** Names of the newest prompt versions: their names end in their day, and sort by it. */
export function newestVersions(rows: readonly Row[], max: number): string[] {
  return [...new Set(rows.map((row) => nameOf(row.prompt_version)))].sort().reverse().slice(0, max);
}

function panelOf(all: readonly Row[], mode: string, versions: readonly string[]): Panel {
  const rows = all.filter((row) => nameOf(row.mode) === mode);
  const models = namesBy(rows, "model", "runs").slice(0, MAX_MODELS);
  const estimates = models.flatMap((model) => {
    const own = rows.filter((row) => nameOf(row.model) === model && versions.includes(nameOf(row.prompt_version)));
    return own.map((row): Estimate => {
      const value = numberOf(row.brier);
      const half = 1.96 * numberOf(row.brier_se) || 0;
      const label = `${model} (${formatCountOf(sumOf(own, "runs"), "run")})`;
      const series = versions.indexOf(nameOf(row.prompt_version));
      return { label, series, value, lo: Math.max(0, value - half), hi: Math.min(1, value + half) };
    });
  });
  return estimatePanel(estimates, {
    title: mode,
    axis: "Brier score",
    reference: { value: 0.25, name: "coin" },
    domain: [0, topOf(all)],
  });
}

/** Where the axis of all panels ends: behind the coin and the widest range, at a tenth. */
function topOf(rows: readonly Row[]): number {
  const ends = rows.map(({ brier, brier_se }) => numberOf(brier) + (1.96 * numberOf(brier_se) || 0));
  return Math.min(1, Math.ceil(Math.max(0.29, ...ends) * 10) / 10);
}

function titleOf(rows: readonly Row[]): string {
  if (rows.length === 0) return "Of no run it is known yet what is true";
  const scored = namesBy(rows, "model", "runs").map((model) => ({
    model,
    brier: weightedMean(rows.filter((row) => nameOf(row.model) === model), "brier", "runs"),
  })).sort((a, b) => a.brier - b.brier);
  const [best, worst] = [scored[0], scored[scored.length - 1]];
  const text = `${best.model} is closest to the truth with a Brier score of ${formatFixed(best.brier, 3)}`;
  return best === worst
    ? `${best.model} has a Brier score of ${formatFixed(best.brier, 3)}`
    : `${text}, ${worst.model} farthest with ${formatFixed(worst.brier, 3)}`;
}
