/// <reference lib="deno.worker" />
import { messageOf } from "../task/errors.ts";
import type { SpoolReply } from "./harness_messages.ts";
import { type SpoolRequest, spoolRows } from "./harness_spool.ts";

self.onmessage = async ({ data }: MessageEvent<SpoolRequest>) => {
  const reply = (answer: SpoolReply) => self.postMessage(answer);
  try {
    reply({ kind: "spooled", spooled: await spoolRows(data, () => {}) });
  } catch (error) {
    reply({ kind: "failed", message: messageOf(error) });
  }
};
