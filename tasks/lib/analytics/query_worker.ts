/// <reference lib="deno.worker" />
import { catalogOver } from "./catalog_views.ts";
import { type DuckDb, openDuckDb } from "../parquet/duckdb.ts";
import { messageOf } from "../task/errors.ts";
import type { QueryReply, QueryRequest } from "./query_messages.ts";

/** Runs queries off the main thread, which stays free for signals. */
function serve(): void {
  let db: DuckDb;
  const act = async (request: QueryRequest): Promise<QueryReply> => {
    if (request.kind === "query") {
      const describes = /^(describe|summarize)\b/i.test(request.sql);
      return { kind: "done", result: describes ? db.describe(request.sql) : db.query(request.sql) };
    }
    // What the files are named here is all that any query can reach.
    db = await openDuckDb(request.code, [...request.files.values()].flat());
    db.run(catalogOver(request.catalog, request.files));
    return { kind: "done" };
  };
  self.onmessage = async ({ data }: MessageEvent<QueryRequest>) => {
    const reply = await act(data).catch((error): QueryReply => ({ kind: "failed", message: messageOf(error) }));
    self.postMessage(reply);
  };
}

serve();
