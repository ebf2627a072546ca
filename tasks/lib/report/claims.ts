import { type Answer, nameOf, numberOf, type Row, rowsWith, toRows } from "./answer.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { cutText } from "./html.ts";
import { formatFixed } from "./numbers.ts";
import { OTHER, styleOf, withoutDash } from "./palette.ts";
import type { Panel, View } from "./view.ts";

const MAX_CLAIMS = 10;
const MAX_MODELS = 5;

/** The claims on which models lie farthest apart. */
export function viewClaims({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "p", "spread");
  const claims = [...Map.groupBy(rows, (row) => JSON.stringify([row.claim, row.spread, row.prompt_version]))];
  const shown = claims.slice(0, MAX_CLAIMS).flatMap(([, own]) => own);
  const counts = Map.groupBy(shown, (row) => nameOf(row.model));
  const models = [...counts].sort(([, a], [, b]) => b.length - a.length).map(([name]) => name);
  const named = models.slice(0, MAX_MODELS).map((name, index) => ({ name, style: withoutDash(styleOf(index)) }));
  return {
    title: titleOf(rows),
    note:
      "Median answer of each model to the same claim in the same prompt version; the claims with the largest spread.",
    legend: models.length > MAX_MODELS ? [...named, { name: "another model", style: withoutDash(OTHER) }] : named,
    panels: shown.length === 0 ? [] : [panelOf(shown, models)],
  };
}

function panelOf(rows: readonly Row[], models: readonly string[]): Panel {
  const estimates = rows.map((row): Estimate => {
    const [value, series] = [numberOf(row.p), models.indexOf(nameOf(row.model))];
    return { label: nameOf(row.claim), series, value, lo: value, hi: value };
  });
  return estimatePanel(estimates, { axis: "median answer (probability)", domain: [0, 1], joined: true });
}

function titleOf([first, ...others]: readonly Row[]): string {
  if (first === undefined) return "No claim was put to two models";
  const own = [first, ...others.filter(({ claim, spread }) => claim === first.claim && spread === first.spread)];
  const [high, low] = [own[0], own[own.length - 1]];
  return `Models lie up to ${formatFixed(numberOf(first.spread), 2)} apart: on “${cutText(nameOf(first.claim), 60)}” ` +
    `${nameOf(high.model)} says ${formatFixed(numberOf(high.p), 2)}, ${nameOf(low.model)} ${
      formatFixed(numberOf(low.p), 2)
    }`;
}
