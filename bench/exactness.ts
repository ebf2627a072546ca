import { DuckDBInstance } from "@duckdb/node-api";
import type { Column } from "../tasks/lib/dataset/dataset.ts";
import { type Extreme, HOLDABLE, insertExtremes, UNHOLDABLE } from "./extremes.ts";
import { readDataset } from "./peers/dataset.ts";
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

/** One value as text, read in Postgres or in a file. */
interface Value {
  /** Exact, in one form for both; undefined for NULL. */
  readonly exact?: string;
  /** As it is shown. */
  readonly shown: string;
}

/** Has a writer write tables of extremes, and compares its files with the tables, value by value. */
export async function examine(writer: Writer, { server, scratch }: Exam): Promise<Verdict> {
  const columns = new Map((await readDataset()).columns.map((column) => [column.name, column]));
  const attempts = async (extremes: readonly Extreme[]): Promise<Verdict[]> => {
    await server.query(insertExtremes(extremes));
    const directory = await Deno.makeTempDir({ dir: scratch });
    try {
      await writer.write(directory);
    } catch (error) {
      if (extremes.length === 1) {
        return [{
          lost: [],
          types: [],
          stops: [{ what: extremes[0].what, isNamed: isNamed(extremes[0], error as Error) }],
        }];
      }
      return (await eachInTurn(extremes, (extreme) => attempts([extreme]))).flat();
    }
    const pairs = extremes.map((extreme) => ({ extreme, column: columns.get(extreme.column)! }));
    const expected = await readTable(server, pairs);
    const found = await readFiles(directory, pairs);
    return pairs.map(({ extreme, column }, index) => compare(extreme, column, [expected[index], found[index]]));
  };
  const verdicts = [...await attempts(HOLDABLE), ...(await eachInTurn(UNHOLDABLE, (one) => attempts([one]))).flat()];
  return {
    lost: verdicts.flatMap(({ lost }) => lost),
    types: [...new Set(verdicts.flatMap(({ types }) => types))],
    stops: verdicts.flatMap(({ stops }) => stops),
  };
}

/** Where the tables of extremes are made; their rows take the place of those of `checks`. */
export interface Exam {
  /** Whose `checks` they are. */
  readonly server: Server;
  /** Directory for the writers' directories. */
  readonly scratch: string;
}

/** A verdict in one line. */
export function formatVerdict({ lost, types, stops }: Verdict): string {
  const faults = [...types, ...lost];
  const values = faults.length === 0 ? "exact" : `loses ${faults.join(", ")}`;
  if (stops.length === 0) return values;
  const manner = stops.every(({ isNamed }) => isNamed) ? ", by name" : "";
  return `${values}; stops at ${stops.map(({ what }) => what).join(", ")}${manner}`;
}

/** One value and the column it is of. */
interface Pair {
  readonly extreme: Extreme;
  readonly column: Column;
}

/** What one file holds of a value, and as which type. */
interface Found extends Value {
  readonly type: string;
}

/** A message that names the column is worth more than one that does not; the command before it may have the SELECT. */
function isNamed({ column }: Extreme, { message }: Error): boolean {
  return message.slice(message.lastIndexOf(" ended with ")).includes(column);
}

function compare(
  { what }: Extreme,
  { layout, duckdbType }: Column,
  [expected, found]: readonly [Value, Found],
): Verdict {
  const isSame = layout === "float64"
    ? Object.is(toNumber(expected.exact), toNumber(found.exact))
    : expected.exact === found.exact;
  const [wanted, type] = [nameType(duckdbType), nameType(found.type)];
  return {
    lost: isSame ? [] : [`${what} (${nameFound(found)})`],
    types: type === wanted ? [] : [`${wanted} (${type})`],
    stops: [],
  };
}

/** Parquet has no infinite time: it is a number, which other readers take for a day in a year that never was. */
function nameFound({ shown, type }: Found): string {
  return type.startsWith("TIMESTAMP") && /^-?infinity$/.test(shown) ? "a number" : shown.slice(0, 40);
}

/** Postgres and DuckDB spell doubles otherwise. */
function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.replace(/^(-?)inf$/, "$1Infinity"));
}

function nameType(duckdbType: string): string {
  return duckdbType.replace("TIMESTAMP WITH TIME ZONE", "timestamptz").replace(/\(.*/, "").toLowerCase();
}

async function readTable(server: Server, pairs: readonly Pair[]): Promise<Value[]> {
  const selects = pairs.map(({ column: { name, layout } }, index) => {
    const exact = layout === "timestamp" ? `trunc(extract(epoch from ${name}) * 1000000)` : name;
    return `select run_id::int as row, (${exact})::text as exact, ${name}::text as shown from checks where run_id = '${index}'`;
  });
  const rows = await server.query(`${selects.join(" union all ")} order by row`);
  return rows.map(({ exact, shown }) => toValue(exact, shown));
}

async function readFiles(directory: string, pairs: readonly Pair[]): Promise<Found[]> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run("set timezone = 'UTC'");
  const from = `from read_parquet('${directory}/**/*.parquet', hive_partitioning = false)`;
  const found: Found[] = [];
  for (const [index, { column: { name } }] of pairs.entries()) {
    const ask = async (values: string) =>
      (await connection.runAndReadAll(`select ${values} ${from} where run_id = '${index}'`)).getRows()[0];
    const type = String((await ask(`typeof(${name})`))[0]);
    const isTime = type.startsWith("TIMESTAMP");
    const exact = isTime ? `if(isfinite(${name}), epoch_us(${name})::varchar, ${name}::varchar)` : `${name}::varchar`;
    const [exactText, shown] = await ask(`${exact}, ${name}::varchar`);
    found.push({ ...toValue(exactText, shown), type });
  }
  connection.closeSync();
  return found;
}

function toValue(exact: unknown, shown: unknown): Value {
  return { exact: exact === null ? undefined : String(exact), shown: shown === null ? "NULL" : String(shown) };
}

async function eachInTurn<In, Out>(all: readonly In[], act: (one: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (const one of all) results.push(await act(one));
  return results;
}
