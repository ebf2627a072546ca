import assert from "node:assert/strict";
import { partBytesOf } from "./multipart.ts";

Deno.test("partBytesOf() grows with the file where it would have more than 10,000 parts", () => {
  assert.deepEqual([partBytesOf(0, 5), partBytesOf(50_000, 5), partBytesOf(50_001, 5)], [5, 5, 6]);
  const largest = 5 * 1024 ** 4;
  assert.ok(Math.ceil(largest / partBytesOf(largest, 32 * 1024 ** 2)) <= 10_000);
});
