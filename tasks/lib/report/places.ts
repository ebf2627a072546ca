import { type Answer, nameOf, numberOf, type Row, rowsWith, toRows } from "./answer.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { formatCount } from "./numbers.ts";
import { styleOf, withoutDash } from "./palette.ts";
import type { View } from "./view.ts";

const MAX_CLAIMS = 8;

const PLACES = [{ name: "local", column: "local_p" }, { name: "production", column: "production_p" }] as const;

/** The claims on which local research and production lie farthest apart. */
export function viewPlaces({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "local_p", "production_p");
  const shown = rows.slice(0, MAX_CLAIMS);
  const estimates = shown.flatMap((row) =>
    PLACES.map(({ column }, series): Estimate => {
      const value = numberOf(row[column]);
      return { label: labelOf(row), series, value, lo: value, hi: value };
    })
  );
  const options = { axis: "median answer (probability)", domain: [0, 1], joined: true } as const;
  return {
    title: titleOf(rows),
    note: "The same claim, model and prompt version in both envs; those that lie farthest apart.",
    legend: PLACES.map(({ name }, index) => ({ name, style: withoutDash(styleOf(index)) })),
    panels: shown.length === 0 ? [] : [estimatePanel(estimates, options)],
  };
}

function labelOf({ model, prompt_version, claim }: Row): string {
  return `${nameOf(claim).slice(0, 200)}: ${nameOf(model)}, ${nameOf(prompt_version)}`;
}

function titleOf(rows: readonly Row[]): string {
  const apart = rows.filter(({ disagree }) => disagree === "true").length;
  return `Local research and production lie farther apart than their intervals are wide in ${formatCount(apart)} of ` +
    `${formatCount(rows.length)} comparisons`;
}
