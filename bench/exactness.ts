import { readDataset } from "./peers/dataset.ts";
import { readFileValues, readTableValues, type Value } from "./extreme_values.ts";
import { type Extreme, HOLDABLE, insertExtremes, PLAIN, UNHOLDABLE } from "./extremes.ts";
import type { Server } from "./server.ts";
import type { Writer } from "./writers.ts";

/** What a writer makes of values at the edges of their types. */
export interface Verdict {
  /** Values that are others in its file. */
  readonly lost: readonly string[];
  /** Columns' types that are others in its file. */
  readonly types: readonly string[];
  /** Values at which it stops, and whether it names the column then. */
  readonly stops: readonly { readonly what: string; readonly isNamed: boolean }[];
}

/** Where the tables of extremes are made; their rows take the place of those of `checks`. */
export interface Exam {
  /** Whose `checks` they are. */
  readonly server: Server;
  /** Directory for the writers' directories. */
  readonly scratch: string;
}

/** Has a writer write tables of extremes, and compares its files with the tables, value by value.
 *
 * Errors: the writer's own, where it does not write a plain row.
 */
export async function examine(writer: Writer, exam: Exam): Promise<Verdict> {
  await compareFiles(writer, [PLAIN], exam);
  const verdicts = [await attempt(writer, HOLDABLE, exam)];
  for (const extreme of UNHOLDABLE) verdicts.push(await attempt(writer, [extreme], exam));
  return merge(verdicts);
}

/** A verdict in one line. */
export function formatVerdict({ lost, types, stops }: Verdict): string {
  const faults = [...types, ...lost];
  const values = faults.length === 0 ? "exact" : `loses ${faults.join(", ")}`;
  if (stops.length === 0) return values;
  const manner = stops.every(({ isNamed }) => isNamed) ? ", by name" : "";
  return `${values}; stops at ${stops.map(({ what }) => what).join(", ")}${manner}`;
}

/** All extremes in one table, or each in one of its own where the writer stops at one of them. */
async function attempt(writer: Writer, extremes: readonly Extreme[], exam: Exam): Promise<Verdict> {
  try {
    return merge(await compareFiles(writer, extremes, exam));
  } catch (error) {
    const [{ what, column }] = extremes;
    if (extremes.length === 1) {
      return { lost: [], types: [], stops: [{ what, isNamed: isNamed(column, error as Error) }] };
    }
    const verdicts: Verdict[] = [];
    for (const extreme of extremes) verdicts.push(await attempt(writer, [extreme], exam));
    return merge(verdicts);
  }
}

async function compareFiles(
  writer: Writer,
  extremes: readonly Extreme[],
  { server, scratch }: Exam,
): Promise<Verdict[]> {
  const dataset = await readDataset();
  const columns = extremes.map(({ column }) => dataset.columns.find(({ name }) => name === column)!);
  await server.query(insertExtremes(extremes));
  const directory = await Deno.makeTempDir({ dir: scratch });
  await writer.write(directory);
  const expected = await readTableValues(server, columns);
  const found = await readFileValues(directory, columns);
  return extremes.map(({ what }, row) => compare(what, expected[row], found[row]));
}

function merge(verdicts: readonly Verdict[]): Verdict {
  return {
    lost: verdicts.flatMap(({ lost }) => lost),
    types: [...new Set(verdicts.flatMap(({ types }) => types))],
    stops: verdicts.flatMap(({ stops }) => stops),
  };
}

function compare(what: string, expected: Value, found: Value): Verdict {
  const isSame = expected.type === "DOUBLE"
    ? Object.is(toNumber(expected.exact), toNumber(found.exact))
    : expected.exact === found.exact;
  const [wanted, type] = [nameType(expected), nameType(found)];
  return {
    lost: isSame ? [] : [`${what} (${nameValue(found)})`],
    types: type === wanted ? [] : [`${wanted} (${type})`],
    stops: [],
  };
}

/** A message that names the column is worth more than one that does not; the command before it may have the SELECT. */
function isNamed(column: string, { message }: Error): boolean {
  return message.slice(message.lastIndexOf(" ended with ")).includes(column);
}

/** Parquet has no infinite time: it is a number, which other readers take for a day in a year that never was. */
function nameValue({ shown, type }: Value): string {
  return type.startsWith("TIMESTAMP") && /^-?infinity$/.test(shown) ? "a number" : shown.slice(0, 40);
}

/** Postgres and DuckDB spell doubles otherwise. */
function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.replace(/^(-?)inf$/, "$1Infinity"));
}

function nameType({ type }: Value): string {
  return type.replace("TIMESTAMP WITH TIME ZONE", "timestamptz").replace(/\(.*/, "").toLowerCase();
}
