import assert from "node:assert/strict";
import { createPause } from "./pause.ts";

Deno.test("createPause() lets others in when work has gone on for long, and not before", async () => {
  const pause = createPause(new AbortController().signal);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await pause();
  assert.equal(turns, 0);
  for (const end = performance.now() + 60; performance.now() < end;);
  await pause();
  clearInterval(timer);
  assert.ok(turns > 0);
});

Deno.test("createPause() throws the signal's reason", async () => {
  const abort = new AbortController();
  const pause = createPause(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(pause(), { message: "enough" });
});
