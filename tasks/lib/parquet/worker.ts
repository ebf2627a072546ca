/// <reference lib="deno.worker" />
import type { ChunkReply, ChunkRequest, SentChunk, StoredGroup } from "./messages.ts";
import { type Chunk, ChunkWriter } from "./writer.ts";
import { openDuckDb } from "./duckdb.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { PARQUET_MAGIC } from "./footer.ts";
import type { BadRow } from "../dataset/source.ts";

/** Makes chunks off the main thread: messages are done in order, each is answered once. */
function serve(): void {
  let writer: ChunkWriter;
  let badRows: BadRow[] = [];
  let failed: ChunkReply | undefined;
  let queue = Promise.resolve();
  const act = async (request: ChunkRequest): Promise<ChunkReply> => {
    switch (request.kind) {
      case "open": {
        const db = await openDuckDb(request.code);
        const onBadRow = request.skipBadRows ? (row: BadRow) => badRows.push(row) : undefined;
        writer = new ChunkWriter(db, { ...request.options, onBadRow });
        return { kind: "done" };
      }
      case "supersede":
        writer.supersede(request.keys);
        return { kind: "done" };
      case "tuples":
        writer.addTuples(request.block);
        return { kind: "done", block: request.block.buffer };
      case "kept":
        writer.addKept(readGroup(request.group), request.source);
        return { kind: "done" };
      case "superseded":
        return { kind: "done", count: writer.countSuperseded(readGroup(request.group)) };
      case "keys":
        return { kind: "done", keys: writer.keysOf(readGroup(request.group)) };
      case "finish": {
        const chunk = writer.finish();
        const reply = { kind: "done", badRows, chunk: chunk && copyOf(chunk) } as const;
        badRows = [];
        return reply;
      }
    }
  };
  const reply = (answer: ChunkReply) => self.postMessage(answer, memoryOf(answer));
  self.onmessage = ({ data }: MessageEvent<ChunkRequest>) => {
    // After a failure the writer is in the middle of a chunk.
    queue = queue.then(() => failed ?? act(data)).catch((error) => failed = failure(error)).then(reply);
  };
}

function failure(error: unknown): ChunkReply {
  const foreseen = error instanceof TaskError;
  const message = foreseen ? error.message : `Cannot write Parquet: ${messageOf(error)}`;
  return { kind: "failed", message };
}

/** Memory that moves with an answer instead of being copied. */
function memoryOf(answer: ChunkReply): ArrayBuffer[] {
  if (answer.kind === "failed") return [];
  return [answer.block, answer.chunk?.bytes.buffer].flatMap((memory) => memory ?? []);
}

/** The engine keeps the chunk's own memory for the next one. */
function copyOf(chunk: Chunk): SentChunk {
  return { ...chunk, bytes: chunk.bytes.slice() };
}

/** A row group as a Parquet file of its own. */
function readGroup({ path, start, end, footer }: StoredGroup): Uint8Array {
  const size = end - start;
  const file = new Uint8Array(PARQUET_MAGIC.length + size + footer.length);
  file.set(PARQUET_MAGIC);
  file.set(footer, PARQUET_MAGIC.length + size);
  try {
    using source = Deno.openSync(path);
    source.seekSync(start, Deno.SeekMode.Start);
    const target = file.subarray(PARQUET_MAGIC.length, PARQUET_MAGIC.length + size);
    for (let at = 0; at < size;) {
      const read = source.readSync(target.subarray(at));
      if (read === null) throw new Error("it is cut");
      at += read;
    }
  } catch (error) {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; run deno task export --from all --verify`);
  }
  return file;
}

serve();
