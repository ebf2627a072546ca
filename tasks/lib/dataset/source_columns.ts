import type { Dataset } from "./dataset.ts";
import { TaskError } from "../task/errors.ts";

/** Types whose every value the cast to a dataset's type represents exactly, or refuses with an error.
 *
 * Not among them: character(n), which would lose its blanks; real numbers or numerics for whole ones, and bigint or
 * numeric for double precision, which would be rounded; timestamp, which would take the session's time zone.
 */
const EXACT: Readonly<Record<string, readonly string[]>> = {
  "text": ["text", "character varying", "json", "jsonb"],
  "uuid": ["uuid"],
  "bigint": ["bigint", "integer", "smallint"],
  "integer": ["integer", "smallint"],
  "double precision": ["double precision", "real", "integer", "smallint"],
  "boolean": ["boolean"],
  "timestamptz": ["timestamp with time zone"],
  "date": ["date"],
};

/** Compares the columns of a table, their types as Postgres writes them, with those that a dataset reads.
 *
 * Errors: TaskError naming the columns that are not there, else those whose values the dataset's types could change.
 */
export function checkSourceColumns(dataset: Dataset, columns: readonly Record<"name" | "type", string>[]): void {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const missing = [...new Set(dataset.sourceColumns)].filter((name) => !types.has(name));
  if (missing.length > 0) {
    throw new TaskError(
      `Cannot export "${dataset.name}": the table lacks ${missing.join(", ")}; run deno task migrate`,
    );
  }
  const others = [...dataset.casts].filter(([name, wanted]) => !isExact(types.get(name)!, wanted));
  if (others.length === 0) return;
  const findings = others.map(([name, wanted]) => `column "${name}" has type ${types.get(name)}, not ${wanted}`);
  throw new TaskError(
    `Cannot export "${dataset.name}": ${findings.join(", ")}; give it that type in a migration, or cast it in ` +
      `sql/export/${dataset.name}.postgres.sql`,
  );
}

/** Whether a cast between two types changes no value silently. */
function isExact(type: string, wanted: string): boolean {
  const decimal = /^numeric\(\d+,\s*(\d+)\)$/.exec(wanted);
  if (!decimal) return EXACT[wanted]?.includes(type.replace(/\(\d+\)/, "")) ?? false;
  // Digits before the point that are too many are refused by the cast, those behind it would be rounded.
  const scale = /^numeric\(\d+,(-?\d+)\)$/.exec(type)?.[1];
  return scale === undefined ? EXACT.bigint.includes(type) : Number(scale) <= Number(decimal[1]);
}
