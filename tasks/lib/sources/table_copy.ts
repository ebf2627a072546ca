import { type Dataset, fieldOrder } from "../dataset/dataset.ts";
import type { Segment } from "../dataset/source.ts";
import type { Sql } from "../postgres/connection.ts";
import { boundOf } from "./day_bounds.ts";

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

/** The COPY of some segments. Rows of one instant come in the order of the index, or of their keys: left alone, they would
 * come as the server's plan has them, which is another one for other segments. */
export function copySql(
  segments: readonly Segment[],
  isIndexed: boolean,
  { dataset }: { readonly dataset: Dataset },
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
