/// <reference lib="deno.worker" />
import { CopyFormatError } from "../copy/errors.ts";
import { toServerFailure } from "../postgres/server_failure.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import type { Hint, ThreadReply, ThreadRequest } from "./messages.ts";
import { Reader } from "./reader.ts";

/** Reads rows and makes row groups of them off the main thread: requests are done in order, each is answered once. */
function serve(): void {
  let failed: ThreadReply | undefined;
  let queue = Promise.resolve();
  const tell = (reply: ThreadReply) =>
    self.postMessage(reply, reply.kind === "chunk" ? [reply.chunk.bytes.buffer] : []);
  const reader = new Reader(tell);
  const act = async (request: ThreadRequest): Promise<ThreadReply> => {
    switch (request.kind) {
      case "open":
        reader.open(request.options);
        return { kind: "done" };
      case "join":
        return { kind: "done", joined: await reader.join(request.snapshot) };
      case "supersede":
        await reader.supersede(request.keys);
        return { kind: "done" };
      case "keys":
        return { kind: "done", keys: await reader.keysOf(request.group) };
      case "table":
        await reader.readTable(request.run);
        return { kind: "done" };
      case "files":
        await reader.readFiles(request.run);
        return { kind: "done" };
      case "expect":
        await reader.expect(request.segments);
        return { kind: "done" };
      case "rows":
        reader.take(request.framed);
        return { kind: "done" };
      case "end":
        reader.end();
        return { kind: "done" };
      case "leave":
        await reader.leave();
        return { kind: "done" };
    }
  };
  self.onmessage = ({ data }: MessageEvent<ThreadRequest | Hint>) => {
    if (data.kind === "ahead") return reader.prepare(data.code);
    // After a failure the reader is in the middle of something.
    queue = queue.then(() => failed ?? act(data)).catch((error) => failed = toFailure(error, reader)).then(tell);
  };
}

function toFailure(error: unknown, { target }: Pick<Reader, "target">): ThreadReply {
  const cause = target ? toServerFailure(error, { verb: "export", ...target }) : error;
  if (cause instanceof TaskError) return { kind: "failed", message: cause.message, exitCode: cause.exitCode };
  const finding = messageOf(cause);
  const isRead = cause instanceof CopyFormatError;
  return {
    kind: "failed",
    message: isRead ? `Cannot read rows: ${finding}; run the export again` : `Cannot write Parquet: ${finding}`,
  };
}

serve();
