/// <reference lib="deno.worker" />
import { catalogOver } from "./catalog_views.ts";
import { type DuckDb, openDuckDb } from "./duckdb.ts";
import { messageOf } from "./errors.ts";
import type { QueryReply, QueryRequest } from "./query_messages.ts";

/** Runs queries off the main thread, which stays free for signals. */
function serve(): void {
  let db: DuckDb;
  const act = async (request: QueryRequest): Promise<QueryReply> => {
    if (request.kind === "query") return { kind: "done", result: db.query(request.sql) };
    db = await openDuckDb(request.code);
    db.run(catalogOver(request.catalog, request.files));
    return { kind: "done" };
  };
  self.onmessage = async ({ data }: MessageEvent<QueryRequest>) => {
    const reply = await act(data).catch((error): QueryReply => ({ kind: "failed", message: messageOf(error) }));
    self.postMessage(reply);
  };
}

serve();
