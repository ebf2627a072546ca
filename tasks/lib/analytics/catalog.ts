import { join } from "node:path";
import type { QueryResult } from "../parquet/duckdb.ts";
import { compileDuckDb } from "../parquet/duckdb_code.ts";
import { TaskError } from "../task/errors.ts";
import { filePath, laneDirectory, listDays, listFiles, listLanes } from "../lake/lake.ts";
import { catalogAsking } from "./catalog_views.ts";
import { emptyLakeError } from "./empty_lake.ts";
import type { Asked } from "./parameters.ts";
import type { NamedQuery } from "./queries.ts";
import { nativeCommand } from "./native_command.ts";
import type { LakeFile, QueryReply } from "./query_messages.ts";
import { startQueryThread } from "./query_thread.ts";

const CATALOG = new URL("../../../analytics/catalog.sql", import.meta.url);

/** The lake, opened for queries. */
export interface Catalog extends Disposable {
  /** Names of the datasets that the lake has files of. */
  readonly datasets: ReadonlySet<string>;
  /** All rows of one query, as text; one is run at a time.
   *
   * Errors: TaskError with DuckDB's message; the signal's reason as soon as it is aborted.
   */
  query(query: Pick<NamedQuery, "name" | "sql">): Promise<QueryResult>;
}

/** What a catalog is opened for. */
export interface CatalogOptions {
  /** The queries that will be asked: what these need is loaded once. Any can be asked where none is named, and reads files. */
  readonly queries?: readonly Pick<NamedQuery, "name" | "sql">[];
  /** Rows that they are about; all where it is empty. */
  readonly asked?: Asked;
  /** Told what is done, for people to read. */
  readonly progress?: (line: string) => void;
  /** Bytes that the tables may take; a third of what the engine can address, as a query holds its rows up to three times. */
  readonly maxBytes?: number;
}

/** What the engine, which counts with 32 bits, can address. */
const ADDRESSABLE_BYTES = 2 ** 32;

/** A DuckDB, in a thread of its own, with the views of analytics/catalog.sql over the files that a lake holds now.
 *
 * Errors: TaskError (exit 1) when the lake is empty, or too large for what the queries need; the signal's reason as soon
 * as it is aborted.
 */
export async function openCatalog(
  directory: string,
  signal: AbortSignal,
  options: CatalogOptions = {},
): Promise<Catalog> {
  const { queries = [], asked = {}, progress = () => {}, maxBytes = ADDRESSABLE_BYTES / 3 } = options;
  const catalog = catalogAsking(await Deno.readTextFile(CATALOG), asked);
  const files = await listLake(directory);
  if (files.size === 0) throw await emptyLakeError(directory);
  using stack = new DisposableStack();
  const thread = stack.use(startQueryThread(signal));
  // Compiled here: Deno dies with a panic when a thread is ended that compiles.
  const code = await compileDuckDb();
  const reply = await thread.ask(
    { kind: "open", code, catalog, files, queries: queries.map(({ sql }) => sql), maxBytes },
    ({ files, of }) => progress(`Files: ${files} of ${of}`),
  );
  if (reply.kind === "large") {
    throw new TaskError(tooLarge(directory, reply.sizeBytes, {
      datasets: files.keys(),
      ...options,
      maxBytes,
    }));
  }
  requireDone("catalog.sql", reply);
  const open = stack.move();
  let asking = 0;
  return {
    datasets: new Set(files.keys()),
    async query({ name, sql }) {
      progress(`Query ${++asking}${queries.length > 1 ? ` of ${queries.length}` : ""}: ${name}`);
      return requireDone(name, await thread.ask({ kind: "query", sql })).result!;
    },
    [Symbol.dispose]: () => open.dispose(),
  };
}

/** All files in a lake by their dataset, in the order of lanes and days. */
async function listLake(directory: string): Promise<Map<string, LakeFile[]>> {
  const files = new Map<string, LakeFile[]>();
  for (const name of await listLanes(directory)) {
    // A lane without a dataset's name in its own is one of checks.
    const [lane, dataset = "checks"] = name.split(".");
    if (!/^\w+$/.test(dataset)) continue;
    const path = laneDirectory(directory, name);
    for (const dt of await listDays(path)) {
      for (const file of listFiles(path, dt, dataset)) {
        if (!files.has(dataset)) files.set(dataset, []);
        files.get(dataset)!.push({ path: join(path, filePath(dt, file)), lane, dt });
      }
    }
  }
  return files;
}

function tooLarge(
  directory: string,
  sizeBytes: number,
  { queries = [], asked = {}, maxBytes, datasets }: CatalogOptions & {
    readonly maxBytes: number;
    readonly datasets: Iterable<string>;
  },
): string[] {
  const [needed, there] = [sizeBytes, maxBytes].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`);
  const names = queries.map(({ name }) => name).join(", ");
  return [
    `Cannot run query "${names}": it needs about ${needed} of memory, and there are ${there} for it; ask native DuckDB, which spills to disk, from the project's root:`,
    ...nativeCommand(directory, { queries, asked, datasets }),
  ];
}

function requireDone(name: string, reply: QueryReply): QueryReply & { kind: "done" } {
  if (reply.kind === "done") return reply;
  const finding = reply.kind === "large" ? "it is too large" : reply.message.trim().replaceAll("\n", " ");
  throw new TaskError(`Cannot run query "${name}": ${finding}; correct the query or export again`);
}
