import assert from "node:assert/strict";
import { eachOf } from "./each.ts";
import { sleep } from "./sleep.ts";

Deno.test("eachOf() gives results in the order of the items, with some under way at a time", async () => {
  let [now, most] = [0, 0];
  const results = await eachOf([30, 1, 20, 5, 2, 1], async (ms) => {
    most = Math.max(most, ++now);
    await sleep(ms);
    now--;
    return ms;
  });
  assert.deepEqual(results, [30, 1, 20, 5, 2, 1]);
  assert.equal(most, 4);
  assert.deepEqual(await eachOf([], () => Promise.resolve(1)), []);
});

Deno.test("eachOf() begins nothing after a failure, and throws it when nothing is under way any more", async () => {
  const [begun, ended]: number[][] = [[], []];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 2) throw new Error("two");
    await sleep(10);
    ended.push(item);
  };
  await assert.rejects(eachOf([1, 2, 3, 4, 5, 6, 7, 8], work), /^Error: two$/);
  assert.deepEqual(begun, [1, 2, 3, 4]);
  assert.deepEqual(ended, [1, 3, 4]);
});
