import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { type DayRange, rangesOf, type Segment, type SourceDay } from "../dataset/source.ts";
import type { Sql } from "../postgres/connection.ts";
import { type Patience, unlessStalled } from "../postgres/stall.ts";
import { boundOf, rangeCondition } from "./day_bounds.ts";
import { cutDay, MAX_GROUP_ROWS, type MinuteCount } from "./segments.ts";

/** A table that is copied. */
interface TableOptions {
  readonly dataset: Dataset;
  readonly patience: Patience;
}

/** Whether the server would rather take a table's rows from an index on the day than sort them.
 *
 * Then they come in the index's order, by place where the day's column is the same, and all COPYs must come so; to sort
 * them by their keys, too, cost the server two fifths more.
 */
export async function comesByIndex(tx: Sql, { table, day }: Dataset): Promise<boolean> {
  const [row] = await tx.unsafe(`explain (format json) select * from ${table} as c order by c."${day.name}"`);
  const plan = row["QUERY PLAN"];
  const [{ Plan: top }] = typeof plan === "string" ? JSON.parse(plan) : plan;
  return top["Node Type"] === "Index Scan";
}

/** The segments of some days; what parts of a large day hold is asked for. */
export async function readSegments(
  tx: Sql,
  wanted: readonly Day[],
  { days, ...options }: TableOptions & { readonly days: ReadonlyMap<Day, SourceDay> },
): Promise<Segment[]> {
  const isLarge = (day: Day) => days.get(day)!.rows > MAX_GROUP_ROWS && options.dataset.day.layout === "timestamp";
  const parts = await readParts(tx, rangesOf(days.keys(), new Set(wanted.filter(isLarge))), options);
  return wanted.flatMap((day) => cutDay(day, parts.get(day) ?? [[0, days.get(day)!.rows]]));
}

/** How many rows each ten minutes have of the days of some ranges. */
async function readParts(
  tx: Sql,
  ranges: readonly DayRange[],
  { dataset, patience }: TableOptions,
): Promise<ReadonlyMap<Day, readonly MinuteCount[]>> {
  const parts = new Map<Day, MinuteCount[]>();
  const at = `c."${dataset.day.name}"`;
  for (const range of ranges) {
    const counting = tx.unsafe(`
      select to_char(part, 'YYYY-MM-DD') as day, extract(epoch from part - date_trunc('day', part))::int / 60 as minute, rows
      from (
        select date_bin('10 minutes', ${at} at time zone 'UTC', '0001-01-01') as part, count(*)::text as rows
        from ${dataset.table} as c where ${rangeCondition(dataset, range)} group by 1
      ) as parts
      order by part`);
    for (const { day, minute, rows } of await unlessStalled(counting, { what: "its days" }, patience)) {
      parts.getOrInsertComputed(day, () => []).push([minute, Number(rows)]);
    }
  }
  return parts;
}

/** The COPY of some segments. Rows of one instant come in the order of the index, or of their keys: left alone, they would
 * come as the server's plan has them, which is another one for other segments. */
export function copySql(
  segments: readonly Segment[],
  isIndexed: boolean,
  { dataset }: Pick<TableOptions, "dataset">,
): string {
  const fields = fieldOrder(dataset).map(({ name, postgresType, isRedacted }) =>
    isRedacted ? `null::${postgresType} as "${name}"` : `d."${name}"`
  );
  const [first, last] = [segments[0], segments.at(-1)!];
  const bounds = `c."${dataset.day.name}" >= ${boundOf(dataset, first.day, first.minutes[0])}
    and c."${dataset.day.name}" < ${boundOf(dataset, last.day, last.minutes[1])}`;
  const rows = `select ${fields.join(", ")} from (${dataset.select} where ${bounds}) as d`;
  const order = [dataset.day.name, ...(isIndexed ? [] : [dataset.key])].filter((name) =>
    dataset.columns.some((column) => column.name === name)
  );
  return `copy (${rows} order by ${order.map((name) => `d."${name}"`).join(", ")}) to stdout (format binary)`;
}
