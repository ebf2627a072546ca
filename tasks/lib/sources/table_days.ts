import type { Dataset } from "../dataset/dataset.ts";
import { type Day, isDay } from "../dataset/day.ts";
import type { BadRow, DayRange, SourceDay } from "../dataset/source.ts";
import type { Sql } from "../postgres/connection.ts";
import { TaskError } from "../task/errors.ts";
import { firstOf, rangeCondition } from "./day_bounds.ts";
import { MAX_GROUP_ROWS, type MinuteCount } from "./segments.ts";

/** Which rows are looked at. */
interface DaysOptions {
  readonly dataset: Dataset;
  readonly range: DayRange;
  /** Called with each row that is in no day; without it, it fails the export. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** The days of a table. */
export interface TableDays {
  /** Rows and fingerprint of each, in ascending order. */
  readonly days: ReadonlyMap<Day, SourceDay>;
  /** How many rows each ten minutes have of the days that make more than one row group. */
  readonly parts: ReadonlyMap<Day, readonly MinuteCount[]>;
}

/** Looks at all rows of a table once.
 *
 * Errors: TaskError naming a row that is in no day.
 */
export async function readDays(tx: Sql, { dataset, range, onBadRow }: DaysOptions): Promise<TableDays> {
  const { day: { name, layout }, key, table } = dataset;
  // From Postgres's own epoch on, none of its timestamps is out of range.
  const part = layout === "date"
    ? `c."${name}"`
    : `date_bin('10 minutes', c."${name}" at time zone 'UTC', '2000-01-01')`;
  // The planner takes every row for a part of its own, and would sort them all; so the days are put in order here.
  await tx.unsafe("set local enable_sort = off");
  const found = await tx.unsafe(`
    select part::date::text as day, sum(rows)::text as rows, bit_xor(fingerprint)::text as fingerprint,
      case when sum(rows) > ${MAX_GROUP_ROWS} then array_to_string(array_agg(part), ',') end as parts,
      case when sum(rows) > ${MAX_GROUP_ROWS} then array_to_string(array_agg(rows), ',') end as counts
    from (
      select ${part} as part, count(*) as rows,
        bit_xor(hash_record_extended(row(c.ctid, c.xmin, c."${key}", c."${name}"), 0)) as fingerprint
      from ${table} as c
      where ${rangeCondition(dataset, range)}
      group by 1
    ) as parts
    group by part::date`);
  await tx.unsafe("set local enable_sort to default");
  const dated = found.filter(({ day }) => day !== null && isDay(day)).sort((a, b) => a.day < b.day ? -1 : 1);
  if (found.length > dated.length) await leaveOutUndated(tx, dataset, onBadRow);
  const large = dated.filter(({ parts }) => parts !== null);
  return {
    days: new Map(dated.map(({ day, rows, fingerprint }) => [day, { rows: Number(rows), fingerprint }])),
    parts: new Map(large.map(({ day, parts, counts }) => [day, toCounts(parts, counts)])),
  };
}

/** Rows by minute, of lists of when parts begin, as 'YYYY-MM-DD HH:MM:SS' or the day alone, and of their rows. */
function toCounts(parts: string, counts: string): MinuteCount[] {
  const rows = counts.split(",");
  return parts.split(",")
    .map((
      part,
      index,
    ): MinuteCount => [60 * Number(part.slice(11, 13)) + Number(part.slice(14, 16)), Number(rows[index])])
    .sort(([one], [other]) => one - other);
}

/** Rows whose day is infinite or outside the years that a partition can name. */
async function leaveOutUndated(
  tx: Sql,
  { day, label, table }: Dataset,
  onBadRow: DaysOptions["onBadRow"],
): Promise<void> {
  const [first, end] = [firstOf(day, "0001-01-01"), firstOf(day, "10000-01-01")];
  const rows = await tx.unsafe(`
    select c."${label.column}"::text as name from ${table} as c
    where (c."${day.name}" >= ${first} and c."${day.name}" < ${end}) is not true
    order by 1`);
  const finding = `column "${day.name}" is NULL, infinite or outside the years 1 to 9999`;
  for (const { name } of rows) {
    if (onBadRow === undefined) {
      throw new TaskError(
        `Cannot export ${label.noun} "${name}": ${finding}; correct it, or leave it out with --skip-bad-rows`,
      );
    }
    onBadRow({ name, source: "postgres", finding });
  }
}
