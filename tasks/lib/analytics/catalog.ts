import { join } from "node:path";
import type { QueryResult } from "../parquet/duckdb.ts";
import { compileDuckDb } from "../parquet/duckdb_code.ts";
import { TaskError } from "../task/errors.ts";
import { filePath, laneDirectory, listDays, listFiles, listLanes } from "../lake/lake.ts";
import { catalogAsking } from "./catalog_views.ts";
import { emptyLakeError } from "./empty_lake.ts";
import type { Asked } from "./parameters.ts";
import type { NamedQuery } from "./queries.ts";
import type { QueryReply } from "./query_messages.ts";
import { startQueryThread } from "./query_thread.ts";

const CATALOG = new URL("../../../analytics/catalog.sql", import.meta.url);

/** The lake, opened for queries. */
export interface Catalog extends Disposable {
  /** All rows of one query, as text; one is run at a time.
   *
   * Errors: TaskError with DuckDB's message; the signal's reason as soon as it is aborted.
   */
  query(query: Pick<NamedQuery, "name" | "sql">): Promise<QueryResult>;
}

/** A DuckDB, in a thread of its own, with the views of analytics/catalog.sql over the files that a lake holds now; of the
 * rows that `asked` tells, where it does.
 *
 * Errors: TaskError (exit 1) when the lake is empty; the signal's reason as soon as it is aborted.
 */
export async function openCatalog(
  directory: string,
  signal: AbortSignal,
  { asked = {} }: { readonly asked?: Asked } = {},
): Promise<Catalog> {
  const catalog = catalogAsking(await Deno.readTextFile(CATALOG), asked);
  const files = await listLake(directory);
  if (files.size === 0) throw await emptyLakeError(directory);
  using stack = new DisposableStack();
  const thread = stack.use(startQueryThread(signal));
  // Compiled here: Deno dies with a panic when a thread is ended that compiles.
  const code = await compileDuckDb();
  requireDone("catalog.sql", await thread.ask({ kind: "open", code, catalog, files }));
  const open = stack.move();
  return {
    query: async ({ name, sql }) => requireDone(name, await thread.ask({ kind: "query", sql })).result!,
    [Symbol.dispose]: () => open.dispose(),
  };
}

/** Paths of all files in a lake by their dataset, in the order of lanes and days. */
async function listLake(directory: string): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for (const lane of await listLanes(directory)) {
    // A lane without a dataset's name in its own is one of checks.
    const dataset = lane.split(".")[1] ?? "checks";
    const path = laneDirectory(directory, lane);
    for (const day of await listDays(path)) {
      for (const file of listFiles(path, day, dataset)) {
        if (!files.has(dataset)) files.set(dataset, []);
        files.get(dataset)!.push(join(path, filePath(day, file)));
      }
    }
  }
  return files;
}

function requireDone(name: string, reply: QueryReply): QueryReply & { kind: "done" } {
  if (reply.kind === "done") return reply;
  const finding = reply.message.trim().replaceAll("\n", " ");
  throw new TaskError(`Cannot run query "${name}": ${finding}; correct the query or export again`);
}
