import assert from "node:assert/strict";
import { eachOf } from "./each.ts";

Deno.test("eachOf() gives results in order, of some at a time", async () => {
  let [now, most] = [0, 0];
  const results = await eachOf([30, 5, 20, 1, 10, 2, 3], async (ms) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, ms));
    now--;
    return ms * 2;
  });
  assert.deepEqual(results, [60, 10, 40, 2, 20, 4, 6]);
  assert.equal(most, 4);
  assert.deepEqual(await eachOf([], () => Promise.resolve(1)), []);
});

Deno.test("eachOf() begins nothing more behind a failure", async () => {
  const begun: number[] = [];
  const work = async (n: number) => {
    begun.push(n);
    await Promise.resolve();
    if (n === 2) throw new Error("two");
  };
  await assert.rejects(() => eachOf(Array.from({ length: 20 }, (_, n) => n), work), /two/);
  assert.ok(begun.length < 12, `${begun}`);
});
