import type { DatabaseSync } from "node:sqlite";
import { type Day, DAY_MICROS, dayOf } from "../dataset/day.ts";
import { sha256 } from "../task/digest.ts";

/** By day, the count and a hash of the keys in the rows of a query: `day` (days since 1970), `execution_id`, `run_id`
 * and `created_at`.
 *
 * The key of an execution is its id, that of a run run_id@created_at, so that equal sets of rows have equal texts.
 */
export function digestKeys(db: DatabaseSync, rows: string): Map<Day, string> {
  const key = "coalesce(execution_id, coalesce(run_id || '@', '') || created_at)";
  const statement = db.prepare(`
    select day, count(*) as rows, cast(group_concat(octet_length(key) || ':' || key, '') as blob) as keys
    from (select day, ${key} as key from (${rows}) where day is not null order by day, key) group by day`);
  return new Map(
    statement.all().map(({ day, rows, keys }) => [
      dayOf(BigInt(day as number) * DAY_MICROS),
      `${rows}:${sha256(keys as Uint8Array)}`,
    ]),
  );
}
