import assert from "node:assert/strict";
import { orAbort } from "./abort.ts";

Deno.test("orAbort() rejects at once where the signal was aborted before", async () => {
  const never = new Promise(() => {});
  await assert.rejects(orAbort(never, AbortSignal.abort("enough")), (reason) => reason === "enough");
  const interrupt = new AbortController();
  assert.equal(await orAbort(Promise.resolve(7), interrupt.signal), 7);
  await assert.rejects(orAbort(Promise.reject(new Error("broken")), interrupt.signal), /broken/);
  const late = orAbort(never, interrupt.signal);
  interrupt.abort("late");
  await assert.rejects(late, (reason) => reason === "late");
});

Deno.test("orAbort() leaves no failure of the work without a reader", async () => {
  const work = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("late")), 5));
  await assert.rejects(orAbort(work, AbortSignal.abort("enough")), (reason) => reason === "enough");
  await new Promise((resolve) => setTimeout(resolve, 10));
});
