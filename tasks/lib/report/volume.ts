import { type Answer, nameOf, namesBy, type Row, sumOf, toRows } from "./answer.ts";
import { barPanel } from "./bars.ts";
import { type Bin, lastDays, noteOfEnds, type Step, stepOf, toBins } from "./days.ts";
import { formatCount } from "./numbers.ts";
import type { Panel, View } from "./view.ts";

const MAX_ENVS = 6;

/** How many rows each env has a day or a week, and where that is less than usual. */
export function viewVolume({ result }: Answer): View {
  const rows = toRows(result).filter(({ dt }) => dt !== null);
  const step = stepOf(rows);
  const bins = toBins(rows, step);
  const envs = namesBy(rows, "env", "rows").slice(0, MAX_ENVS);
  return {
    title: titleOf(rows, envs),
    note: `Executions each ${step}, a chart an env, each on a scale of its own. ` +
      `A triangle marks a ${step} with an alert.${noteOfEnds(step)}`,
    panels: bins.length === 0 ? [] : envs.map((env) => panelOf(env, bins, step)),
  };
}

function panelOf(env: string, bins: readonly Bin[], step: Step): Panel {
  const bars = bins.map(({ from, to, rows }) => {
    const own = rows.filter((row) => nameOf(row.env) === env);
    return { from, to, value: sumOf(own, "rows"), isAlert: own.some(({ alert }) => alert !== null) };
  });
  return barPanel(bars, { title: env, axis: `rows a ${step}`, timeAxis: `${step}, UTC` });
}

function titleOf(rows: readonly Row[], envs: readonly string[]): string {
  if (envs.length === 0) return "There are no rows";
  const recent = lastDays(rows, 7);
  const days = new Set(recent.map(({ dt }) => nameOf(dt))).size;
  const [most] = envs;
  const count = sumOf(recent.filter((row) => nameOf(row.env) === most), "rows");
  const alerts = recent.filter(({ alert }) => alert !== null);
  const flat = alerts.length === 0
    ? "no env has fallen flat"
    : `${[...new Set(alerts.map(({ env }) => nameOf(env)))].join(", ")} ${
      alerts.length === 1 ? "fell" : "has fallen"
    } flat`;
  return `${most} had ${formatCount(count / days)} rows a day over the last ${
    days === 1 ? "day" : `${days} days`
  }; ${flat}`;
}
