import { join } from "node:path";
import { literal, openDuckDb, type QueryResult } from "./duckdb.ts";
import { EXIT, messageOf, TaskError } from "./errors.ts";
import { filePath, listDays, listFiles } from "./lake.ts";
import type { NamedQuery } from "./queries.ts";

/** The path in catalog.sql that stands for the exported files. */
const DEFAULT_FILES = "'data/exports/*/dt=*/checks*.parquet'";

const CATALOG = new URL("../../analytics/catalog.sql", import.meta.url);

/** The lake, opened for queries. */
export interface Catalog extends Disposable {
  /** All rows of one query, as text.
   *
   * Errors: TaskError with DuckDB's message.
   */
  query(query: Pick<NamedQuery, "name" | "sql">): QueryResult;
}

/** A DuckDB with the views of analytics/catalog.sql over the files that a lake holds now.
 *
 * Errors: TaskError (exit 1) when the lake is empty.
 */
export async function openCatalog(directory: string): Promise<Catalog> {
  const files = await listLake(directory);
  if (files.length === 0) {
    throw new TaskError(
      `Cannot query lake "${directory}": it holds no <lane>/dt=YYYY-MM-DD/checks.parquet; run deno task export first`,
      EXIT.failed,
    );
  }
  const views = catalogOver(await Deno.readTextFile(CATALOG), files);
  const db = await openDuckDb();
  try {
    runQuery("catalog.sql", () => db.run(views));
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
  return {
    query: ({ name, sql }) => runQuery(name, () => db.query(sql)),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  };
}

/** The catalog's SQL with a list of files in place of its pattern: no character of a path is taken for a wildcard. */
export function catalogOver(sql: string, files: readonly string[]): string {
  const parts = sql.split(DEFAULT_FILES);
  if (parts.length !== 2) throw new Error(`catalog.sql must hold ${DEFAULT_FILES} once`);
  return parts.join(`[${files.map(literal).join(", ")}]`);
}

/** Paths of all files in a lake, by lane and day. */
async function listLake(directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const lane of await listLanes(directory)) {
    for (const day of await listDays(lane)) {
      files.push(...(await listFiles(lane, day)).map((file) => join(lane, filePath(day, file))));
    }
  }
  return files;
}

async function listLanes(directory: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(directory));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => join(directory, name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

function runQuery<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const finding = messageOf(error).trim().replaceAll("\n", " ");
    throw new TaskError(`Cannot run query "${name}": ${finding}; correct the query or export again`, EXIT.failed, {
      cause: error,
    });
  }
}
