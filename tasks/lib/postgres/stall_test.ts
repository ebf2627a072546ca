import assert from "node:assert/strict";
import { type Patience, unlessStalled } from "./stall.ts";

const PATIENCE: Patience = { label: "me@host:5432/db", idleMs: 80, startMs: 160 };

const done = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, "done"));

/** How long a wait took before it was given up, and the message. */
async function stallOf(received?: () => number): Promise<[number, string]> {
  const start = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  try {
    await unlessStalled(promise, { what: "a row", received }, PATIENCE);
  } catch (error) {
    resolve();
    return [performance.now() - start, `${(error as Error).name}: ${(error as Error).message}`];
  }
  throw new Error("It was not given up");
}

Deno.test("unlessStalled() gives the result of what ends in time, and its error", async () => {
  assert.equal(await unlessStalled(done(20), { what: "a row" }, PATIENCE), "done");
  await assert.rejects(unlessStalled(Promise.reject(new Error("lost")), { what: "a row" }, PATIENCE), /^Error: lost$/);
});

Deno.test("unlessStalled() gives up after startMs where nothing has come, after idleMs where something has", async () => {
  const [first, next] = await Promise.all([stallOf(), stallOf(() => 7)]);
  const stalled = 'TaskError: Cannot export database "me@host:5432/db": it has not sent a row for';
  assert.equal(first[1], `${stalled} 0.16 s; see what holds it up, and run it again`);
  assert.equal(next[1], `${stalled} 0.08 s; see what holds it up, or allow more with --idle-timeout`);
  assert.ok(first[0] >= 155, `${first[0]} ms`);
  assert.ok(next[0] >= 75, `${next[0]} ms`);
});

Deno.test("unlessStalled() waits as long as something comes", async () => {
  let count = 0;
  const timer = setInterval(() => count++, 10);
  assert.equal(await unlessStalled(done(400), { what: "a row", received: () => count }, PATIENCE), "done");
  clearInterval(timer);
});

Deno.test("unlessStalled() does not take its own process's standing still for a stall", async () => {
  const work = done(30);
  setTimeout(() => {
    for (const end = performance.now() + 400; performance.now() < end;);
  }, 1);
  assert.equal(await unlessStalled(work, { what: "a row" }, PATIENCE), "done");
});
