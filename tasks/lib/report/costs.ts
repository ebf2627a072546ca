import { type Answer, nameOf, namesBy, type Row, sumOf, toRows } from "./answer.ts";
import { barPanel } from "./bars.ts";
import { type Bin, lastDays, noteOfEnds, type Step, stepOf, toBins } from "./days.ts";
import { formatUsd } from "./numbers.ts";
import type { Panel, View } from "./view.ts";

/** Providers with a chart of their own; the others share one. */
const MAX_PROVIDERS = 5;

/** What each provider cost, a day or a week. */
export function viewCosts({ result }: Answer): View {
  const rows = toRows(result).filter(({ cost_usd }) => cost_usd !== null);
  const step = stepOf(rows);
  const bins = toBins(rows, step);
  const providers = namesBy(rows, "provider", "cost_usd");
  const groups = providers.slice(0, MAX_PROVIDERS).map((name) => ({ name, members: [name] }));
  const others = providers.slice(MAX_PROVIDERS);
  if (others.length > 0) groups.push({ name: `${others.length} others`, members: others });
  return {
    title: titleOf(rows, providers),
    note: `Cost each ${step}, a chart a provider, all on one scale. ` +
      `Rows without a price count nothing.${noteOfEnds(step)}`,
    panels: bins.length === 0 ? [] : panelsOf(groups, bins, step),
  };
}

interface Group {
  readonly name: string;
  readonly members: readonly string[];
}

function panelsOf(groups: readonly Group[], bins: readonly Bin[], step: Step): Panel[] {
  const costOf = ({ rows }: Bin, { members }: Group) =>
    sumOf(rows.filter((row) => members.includes(nameOf(row.provider))), "cost_usd");
  const max = Math.max(...groups.flatMap((group) => bins.map((bin) => costOf(bin, group))));
  return groups.map((group) => {
    const total = formatUsd(bins.reduce((sum, bin) => sum + costOf(bin, group), 0));
    const bars = bins.map((bin) => ({ from: bin.from, to: bin.to, value: costOf(bin, group) }));
    return barPanel(bars, { title: `${group.name}, ${total}`, axis: `USD a ${step}`, timeAxis: `${step}, UTC`, max });
  });
}

function titleOf(rows: readonly Row[], [first]: readonly string[]): string {
  if (first === undefined) return "No row has a cost";
  const recent = lastDays(rows, 7);
  const total = sumOf(recent, "cost_usd");
  const [most] = namesBy(recent, "provider", "cost_usd");
  const share = sumOf(recent.filter((row) => nameOf(row.provider) === most), "cost_usd") / total;
  const part = total > 0 ? `, ${Math.round(share * 100)} % of it for ${most}` : "";
  return `The last 7 days cost ${formatUsd(total)}${part}`;
}
