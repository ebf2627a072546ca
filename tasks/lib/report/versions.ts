import { nameOf, numberOf, type Row, rowsWith, toRows } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { type Estimate, estimatePanel } from "./estimates.ts";
import { formatCountOf } from "./numbers.ts";
import { OTHER, type Style, STYLES, withoutDash } from "./palette.ts";
import type { Key, View } from "./view.ts";

/** A measure of prompt versions: its name and unit, and which way is better. */
interface Measure {
  readonly column: string;
  readonly title: string;
  readonly axis: string;
  readonly better: 1 | -1;
}

const MEASURES: readonly Measure[] = [
  { column: "ci_width", title: "Interval width", axis: "change of width (probability); left is better", better: -1 },
  { column: "stability", title: "Stability", axis: "change of stability score; right is better", better: 1 },
  { column: "compliance", title: "Compliance", axis: "change of compliance rate; right is better", better: 1 },
  { column: "pqs", title: "Prompt quality", axis: "change of PQS (points); right is better", better: 1 },
];

type Verdict = "better" | "worse" | "not apart";

const VERDICTS: Readonly<Record<Verdict, Style>> = {
  better: withoutDash(STYLES[2]),
  worse: withoutDash(STYLES[4]),
  "not apart": withoutDash(OTHER),
};

const LEGEND: readonly Key[] = [
  { name: "newer is better", style: VERDICTS.better },
  { name: "newer is worse", style: VERDICTS.worse },
  { name: "cannot be told apart", style: VERDICTS["not apart"] },
];

/** Lines of a panel at most: the comparisons of the most claims. */
const MAX_LINES = 6;

/** The newest prompt version of each env and model against the one before, by what changed on the same claims. */
export function viewVersions({ result }: Answer): View {
  const rows = rowsWith(toRows(result), "change", "claims").filter(({ claims }) => numberOf(claims) > 0);
  const panels = MEASURES.flatMap((measure) => {
    const own = rows.filter((row) => row.measure === measure.column);
    return own.length === 0 ? [] : [panelOf(own, measure)];
  });
  return {
    title: titleOf(rows),
    note: "Mean change on the claims that both versions answered, with the range that holds it in 95 of 100 cases. " +
      "A range that does not touch 0 is a difference.",
    legend: LEGEND,
    panels,
  };
}

function panelOf(rows: readonly Row[], measure: Measure) {
  const most = rows.toSorted((a, b) => numberOf(b.claims) - numberOf(a.claims)).slice(0, MAX_LINES);
  const estimates = most.map((row): Estimate => {
    const value = numberOf(row.change);
    const { lo, hi } = boundsOf(row);
    return { label: labelOf(row), series: 0, value, lo, hi, style: VERDICTS[verdictOf(row, measure)] };
  });
  return estimatePanel(estimates, {
    title: measure.title,
    axis: measure.axis,
    reference: { value: 0, name: "no change" },
  });
}

function labelOf(row: Row): string {
  return `${nameOf(row.model)}, ${nameOf(row.env)} (${formatCountOf(numberOf(row.claims), "claim")})`;
}

/** Where the change lies in 95 of 100 cases; on one claim nothing is known of that. */
function boundsOf(row: Row): { readonly lo: number; readonly hi: number } {
  const value = numberOf(row.change);
  const half = 1.96 * numberOf(row.change_se);
  return Number.isFinite(half) ? { lo: value - half, hi: value + half } : { lo: value, hi: value };
}

function verdictOf(row: Row, { better }: Measure): Verdict {
  const { lo, hi } = boundsOf(row);
  if (!Number.isFinite(numberOf(row.change_se)) || (lo <= 0 && hi >= 0)) return "not apart";
  return numberOf(row.change) * better > 0 ? "better" : "worse";
}

function titleOf(rows: readonly Row[]): string {
  const compared = rows.filter(({ measure }) => measure === "ci_width");
  if (compared.length === 0) return "No claim was asked under two prompt versions of one model";
  const newer = [...new Set(compared.map((row) => nameOf(row.newer)))];
  const name = newer.length === 1 ? newer[0] : "The newest prompt version";
  return `${name} ${NAMES.map(([column, words]) => findingOf(rows, column, words)).join("; ")}`;
}

/** What a measure is called in the finding, better. */
const NAMES = [["ci_width", "narrows intervals"], ["stability", "is more stable"]] as const;

function findingOf(rows: readonly Row[], column: string, words: string): string {
  const measure = MEASURES.find((candidate) => candidate.column === column)!;
  const own = rows.filter((row) => row.measure === column);
  const count = (verdict: Verdict) => own.filter((row) => verdictOf(row, measure) === verdict).length;
  const worse = count("worse") === 0 ? "" : `, worse in ${count("worse")}`;
  return `${words} in ${count("better")} of ${formatCountOf(own.length, "comparison")}${worse}`;
}
