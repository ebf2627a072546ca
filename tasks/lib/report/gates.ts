import { type Answer, nameOf, numberOf, type Row, rowsWith, sumOf, toRows, weightedMean } from "./answer.ts";
import { newestVersions } from "./brier.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { formatCountOf, formatPercent, shareBounds } from "./numbers.ts";
import { styleOf, withoutDash } from "./palette.ts";
import type { Panel, View } from "./view.ts";

const GATES = [
  { column: "compliance_pass", name: "compliance" },
  { column: "stability_pass", name: "stability" },
  { column: "precision_pass", name: "precision" },
] as const;

const MAX_VERSIONS = 8;

/** How many rated runs of each prompt version pass each gate. */
export function viewGates({ result }: Answer): View {
  const rows = toRows(result);
  const versions = newestVersions(rows, MAX_VERSIONS).filter((version) => ratedOf(ofVersion(rows, version)) > 0);
  return {
    title: titleOf(rows, versions),
    note: "Share of rated runs that pass, with the range that holds it in 95 of 100 cases; the newest version first.",
    legend: GATES.map(({ name }, index) => ({ name, style: withoutDash(styleOf(index)) })),
    panels: versions.length === 0 ? [] : [panelOf(rows, versions)],
  };
}

function ofVersion(rows: readonly Row[], version: string): Row[] {
  return rows.filter((row) => nameOf(row.prompt_version) === version);
}

function ratedOf(rows: readonly Row[]): number {
  return sumOf(rows, "runs") - sumOf(rows, "without_gates");
}

/** A gate's pass rate over all months, each weighted by its rated runs. */
function passOf(rows: readonly Row[], column: string): number {
  const weighted = rowsWith(rows, column).map((row) => ({
    ...row,
    rated: `${numberOf(row.runs) - numberOf(row.without_gates)}`,
  }));
  return weightedMean(weighted, column, "rated");
}

function panelOf(rows: readonly Row[], versions: readonly string[]): Panel {
  const estimates = versions.flatMap((version) => {
    const own = ofVersion(rows, version);
    const rated = ratedOf(own);
    const label = `${version} (${formatCountOf(rated, "rated run")})`;
    return GATES.flatMap(({ column }, series): Estimate[] => {
      const value = passOf(own, column);
      return Number.isFinite(value) ? [{ label, series, value, ...shareBounds(value, rated) }] : [];
    });
  });
  return estimatePanel(estimates, { axis: "share of rated runs that pass", domain: [0, 1] });
}

function titleOf(rows: readonly Row[], [newest]: readonly string[]): string {
  if (newest === undefined) return "No run was rated by the gates";
  const own = ofVersion(rows, newest);
  const passes = GATES.map(({ column, name }) => ({ name, pass: passOf(own, column) }))
    .filter(({ pass }) => Number.isFinite(pass)).sort((a, b) => a.pass - b.pass);
  const missing = sumOf(rows, "without_gates") / sumOf(rows, "runs");
  return `${newest} passes ${passes[0].name} in ${
    formatPercent(passes[0].pass)
  } of its rated runs, its weakest gate; ` +
    `${formatPercent(missing)} of all runs lack a gate`;
}
