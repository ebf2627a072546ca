import {
  calibration,
  type CalibrationPoint,
  dotRows,
  type GroupedValues,
  legend,
  lines,
  type Series,
  shareRows,
  stackedBars,
} from "./charts.ts";
import type { QueryResult } from "../parquet/duckdb.ts";
import { escapeHtml } from "./html.ts";
import type { NamedQuery } from "./queries.ts";
import { isNumeric } from "./format.ts";

/** A query and what it returned. */
export interface Answer extends Pick<NamedQuery, "name" | "description"> {
  /** Its rows. */
  readonly result: QueryResult;
}

/** One part of the page. */
interface Section {
  readonly query: string;
  readonly title: string;
  readonly draw?: (rows: readonly Row[]) => string;
}

type Row = Readonly<Record<string, string | null>>;

/** Rows that a chart of one row per claim shows, and a table below a chart. */
const MAX_CHART_ROWS = 14;
const MAX_TABLE_ROWS = 200;

const SECTIONS: readonly Section[] = [
  { query: "days", title: "Rows per day", draw: drawDays },
  { query: "claim_models", title: "The same claim across models", draw: drawClaims },
  { query: "prompt_versions", title: "Prompt versions", draw: drawPromptVersions },
  { query: "reliability", title: "Calibration", draw: drawReliability },
  { query: "brier", title: "Brier score" },
  { query: "bias_gap", title: "What the web changes" },
  { query: "web_share", title: "Share of web runs" },
  { query: "costs", title: "Cost per day", draw: drawCosts },
  { query: "cache_hits", title: "Cache", draw: drawCache },
  { query: "gates", title: "Gates", draw: drawGates },
  { query: "local_production", title: "Local research and production" },
];

/** Names of the queries that the page shows. */
export const REPORT_QUERIES: readonly string[] = ["totals", ...SECTIONS.map(({ query }) => query)];

/** One HTML page over the answers to REPORT_QUERIES, complete in itself; every value in it is escaped. */
export function formatReport(answers: readonly Answer[], css: string): string {
  const byName = new Map(answers.map((answer) => [answer.name, answer]));
  const [totals] = toRows(byName.get("totals")!.result);
  const days = toRows(byName.get("days")!.result);
  const sections = SECTIONS.map((section) => formatSection(section, byName.get(section.query)!));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heretix checks</title>
<style>
${css}</style>
</head>
<body>
<main>
<h1>Heretix checks</h1>
<p>${escapeHtml(`${totals.first_day} to ${totals.last_day}, UTC days`)}</p>
${formatTiles(totals)}
${formatAlerts(days)}
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function formatTiles(totals: Row): string {
  const tiles = [
    ["Rows", totals.rows],
    ["Runs", totals.runs],
    ["Claims", totals.claims],
    ["Models", totals.models],
    ["Web-informed", percent(totals.web_share)],
    ["From the cache", percent(totals.cached_share)],
    ["Brier score", totals.brier],
    ["Cost, USD", totals.cost_usd === null ? null : Number(totals.cost_usd).toFixed(2)],
  ];
  const cells = tiles.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value ?? "–")}</dd></div>`);
  return `<dl class="tiles">${cells.join("")}</dl>`;
}

function formatAlerts(days: readonly Row[]): string {
  const flat = days.filter(({ alert }) => alert !== null);
  if (flat.length === 0) return "";
  const items = flat.slice(-20).map(({ env, dt, rows, usual }) =>
    `<li>${escapeHtml(`${env}, ${dt}: ${rows} rows, usually ${usual}`)}</li>`
  );
  return `<section class="alert"><h2>Days that fall flat</h2><ul>${items.join("")}</ul></section>`;
}

function formatSection({ title, draw }: Section, { description, result }: Answer): string {
  const chart = draw && result.rows.length > 0 ? draw(toRows(result)) : "";
  const table = formatTable(result);
  const count = result.rows.length;
  const caption = count > MAX_TABLE_ROWS ? `First ${MAX_TABLE_ROWS} of ${count} rows` : `All ${count} rows`;
  const body = count === 0
    ? "<p>No rows.</p>"
    : `${chart}<details${draw ? "" : " open"}><summary>${caption}</summary>${table}</details>`;
  return `<section><h2>${title}</h2><p>${escapeHtml(description)}</p>${body}</section>`;
}

function formatTable({ columns, types, rows }: QueryResult): string {
  const kinds = types.map((type) => (isNumeric(type) ? "number" : "text"));
  const head = columns.map((name, index) => `<th class="${kinds[index]}">${escapeHtml(name)}</th>`);
  const body = rows.slice(0, MAX_TABLE_ROWS).map((row) =>
    `<tr>${row.map((value, index) => formatCell(value, kinds[index])).join("")}</tr>`
  ).join("\n");
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function formatCell(value: string | null, kind: string): string {
  return value === null ? `<td class="${kind} null">NULL</td>` : `<td class="${kind}">${escapeHtml(value)}</td>`;
}

function drawDays(rows: readonly Row[]): string {
  const values = pivot(rows, { group: "dt", series: "env", value: "rows" });
  return stackedBars("Rows per day by env", values) + legendOf(values);
}

function drawCosts(rows: readonly Row[]): string {
  const values = pivot(rows, { group: "dt", series: "provider", value: "cost_usd" });
  return stackedBars("Cost in USD per day by provider", values) + legendOf(values);
}

function drawCache(rows: readonly Row[]): string {
  const values = pivot(rows, { group: "dt", series: "env", value: "mean_hit_rate" });
  return lines("Mean cache hit rate per day by env", values, 1) + legendOf(values);
}

function drawClaims(rows: readonly Row[]): string {
  const shown = rows.slice(0, MAX_CHART_ROWS);
  const series = seriesOf(shown, { gpt: "GPT", grok: "Grok", gemini: "Gemini" });
  const values = { groups: shown.map(({ claim }) => claim ?? "NULL"), series };
  return dotRows("Median probability of each claim by model", values) + legendOf(values);
}

function drawPromptVersions(rows: readonly Row[]): string {
  const groups = rows.map(({ model, K, R, newer }) => `${model}, ${K}×${R}: ${newer}`);
  const values = { groups, series: seriesOf(rows, { wins: "newer wins", losses: "newer loses", ties: "tie" }) };
  return shareRows("Claims that the newer prompt version wins and loses", values) + legendOf(values);
}

function drawGates(rows: readonly Row[]): string {
  const shown = rows.slice(-MAX_CHART_ROWS);
  const names = { compliance_pass: "compliance", stability_pass: "stability", precision_pass: "precision" };
  const groups = shown.map(({ month, prompt_version }) => `${month} ${prompt_version}`);
  const values = { groups, series: seriesOf(shown, names) };
  return dotRows("Gate pass rates by month and prompt version", values) + legendOf(values);
}

/** A series for each column, by the name that it has in the chart. */
function seriesOf(rows: readonly Row[], names: Readonly<Record<string, string>>): Series[] {
  return Object.entries(names).map(([column, name]) => ({ name, values: rows.map((row) => toNumber(row[column])) }));
}

/** All months together, weighted by their runs. */
function drawReliability(rows: readonly Row[]): string {
  const modes = namesOf(rows, "mode");
  const bins = new Map<string, { series: number; runs: number; predicted: number; actual: number }>();
  for (const row of rows) {
    const key = `${row.mode} ${row.bin_from}`;
    const bin = bins.get(key) ?? { series: modes.indexOf(row.mode ?? "NULL"), runs: 0, predicted: 0, actual: 0 };
    const runs = Number(row.runs);
    bins.set(key, {
      series: bin.series,
      runs: bin.runs + runs,
      predicted: bin.predicted + runs * Number(row.mean_p),
      actual: bin.actual + runs * Number(row.share_true),
    });
  }
  const points: CalibrationPoint[] = [...bins.values()].map(({ series, runs, predicted, actual }) => ({
    series,
    runs,
    predicted: predicted / runs,
    actual: actual / runs,
  }));
  return calibration("Predicted probability against the share that was true", points) + legend(modes);
}

/** Values of one column by the groups and series that two others name. */
function pivot(
  rows: readonly Row[],
  columns: { readonly group: string; readonly series: string; readonly value: string },
): GroupedValues {
  const groups = namesOf(rows, columns.group).sort();
  const series = namesOf(rows, columns.series).map((name) => {
    const own = rows.filter((row) => (row[columns.series] ?? "NULL") === name);
    const byGroup = new Map(own.map((row) => [row[columns.group] ?? "NULL", toNumber(row[columns.value])]));
    return { name, values: groups.map((group) => byGroup.get(group) ?? null) };
  });
  return { groups, series: series.filter(({ values }) => values.some((value) => value !== null)) };
}

function namesOf(rows: readonly Row[], column: string): string[] {
  return [...new Set(rows.map((row) => row[column] ?? "NULL"))];
}

function legendOf({ series }: GroupedValues): string {
  return legend(series.map(({ name }) => name));
}

/** For drawing only: what is printed stays as it came. */
function toNumber(value: string | null): number | null {
  const number = value === null ? NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

function percent(share: string | null): string | null {
  return share === null ? null : `${Math.round(Number(share) * 100)} %`;
}

function toRows({ columns, rows }: QueryResult): Row[] {
  return rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])));
}
