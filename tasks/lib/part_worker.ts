/// <reference lib="deno.worker" />
import { createHash } from "node:crypto";
import { type DuckDb, openDuckDb } from "./duckdb.ts";
import { messageOf, TaskError } from "./errors.ts";
import type { PartReply, PartRequest, StagedPart } from "./part_messages.ts";
import { type BadRow, createPartWriter, type Part, type PartWriter } from "./part_writer.ts";

/** Makes parts off the main thread: messages are done in order, each is answered once. */
function serve(): void {
  let writer: PartWriter;
  let db: DuckDb;
  let badRows: BadRow[] = [];
  let failed: PartReply | undefined;
  let queue = Promise.resolve();
  const act = async (request: PartRequest): Promise<PartReply> => {
    switch (request.kind) {
      case "open": {
        db = await openDuckDb(request.code);
        const onBadRow = request.skipBadRows ? (row: BadRow) => badRows.push(row) : undefined;
        writer = createPartWriter(db, { ...request.options, onBadRow });
        return { kind: "done" };
      }
      case "supersede":
        writer.supersede(request.keys);
        return { kind: "done" };
      case "tuples":
        writer.addTuples(request.block);
        return { kind: "done", block: request.block.buffer };
      case "kept":
        writer.addKept(readPart(request.path, request.sha256), request.without);
        return { kind: "done" };
      case "finish": {
        const part = writer.finish();
        if (part === undefined) Deno.removeSync(request.path);
        const reply = { kind: "done", badRows, part: part && stage(request.path, part) } as const;
        badRows = [];
        return reply;
      }
    }
  };
  const reply = (answer: PartReply) =>
    self.postMessage(answer, answer.kind === "done" && answer.block ? [answer.block] : []);
  self.onmessage = ({ data }: MessageEvent<PartRequest>) => {
    // After a failure nobody cleans up behind this thread: it must not write the part that it was in.
    queue = queue.then(() => failed ?? act(data)).catch((error) => failed = failure(error)).then(reply);
  };
}

function failure(error: unknown): PartReply {
  const foreseen = error instanceof TaskError;
  const message = foreseen ? error.message : `Cannot write Parquet: ${messageOf(error)}`;
  return { kind: "failed", message };
}

/** Bytes of an existing part, whole and as the manifest has it. */
function readPart(path: string, sha256: string): Uint8Array {
  const bytes = Deno.readFileSync(path);
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw new TaskError(
      `Cannot read part "${path}": it is not the file that was exported; run deno task export --from all --verify`,
    );
  }
  return bytes;
}

/** Puts a part into its temporary file, synced. */
function stage(path: string, part: Part): StagedPart {
  try {
    using file = Deno.openSync(path, { write: true });
    for (let at = 0; at < part.bytes.length;) at += file.writeSync(part.bytes.subarray(at));
    file.syncSync();
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; nothing was replaced`);
  }
  const { bytes, ...rest } = part;
  return { ...rest, path, sizeBytes: bytes.length };
}

serve();
