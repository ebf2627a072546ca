/// <reference lib="deno.worker" />
import { type DuckDb, openDuckDb } from "../parquet/duckdb.ts";
import { messageOf } from "../task/errors.ts";
import { openLake } from "./lake_tables.ts";
import type { QueryProgress, QueryReply, QueryRequest } from "./query_messages.ts";

/** Runs queries off the main thread, which stays free for signals. */
function serve(): void {
  let db: DuckDb;
  const act = async (request: QueryRequest): Promise<QueryReply> => {
    if (request.kind === "query") {
      const describes = /^(describe|summarize)\b/i.test(request.sql);
      return { kind: "done", result: describes ? db.describe(request.sql) : db.query(request.sql) };
    }
    // What the files are named here is all that any query can reach.
    db = await openDuckDb(request.code, [...request.files.values()].flat().map(({ path }) => path));
    const sizeBytes = openLake(db, request, (files, of) => post({ kind: "progress", files, of }));
    return sizeBytes > request.maxBytes ? { kind: "large", sizeBytes } : { kind: "done" };
  };
  self.onmessage = async ({ data }: MessageEvent<QueryRequest>) => {
    post(await act(data).catch((error): QueryReply => ({ kind: "failed", message: messageOf(error) })));
  };
}

function post(message: QueryReply | QueryProgress): void {
  self.postMessage(message);
}

serve();
