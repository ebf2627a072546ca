/// <reference lib="deno.worker" />
import type { Day } from "../dataset/day.ts";
import { messageOf } from "../task/errors.ts";
import { copyHarness } from "./harness_copy.ts";
import type { CopyRequest, HarnessReply, HarnessRequest, PickDays } from "./harness_messages.ts";

/** Copies one harness database off the main thread, and tells how that ended. */
function serve(): void {
  const reply = (answer: HarnessReply) => self.postMessage(answer);
  let answerDays: (days: ReadonlySet<Day>) => void;
  const pick: PickDays = (keys) => {
    const { promise, resolve } = Promise.withResolvers<ReadonlySet<Day>>();
    answerDays = resolve;
    reply({ kind: "keys", keys });
    return promise;
  };
  const copy = async (request: CopyRequest, asksDays: boolean) => {
    try {
      reply({ kind: "copied", keys: await copyHarness(request, asksDays ? pick : undefined) });
    } catch (error) {
      reply({ kind: "failed", message: messageOf(error) });
    }
  };
  self.onmessage = ({ data }: MessageEvent<HarnessRequest>) => {
    if (data.kind === "copy") copy(data.request, data.asksDays);
    else answerDays(data.days);
  };
}

serve();
