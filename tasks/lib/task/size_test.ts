import assert from "node:assert/strict";
import { formatSize } from "./size.ts";

Deno.test("formatSize() takes the unit that leaves something to read", () => {
  const sizes = [0, 999, 1000, 42_500, 999_499, 999_500, 1_640_000, 2_345_000_000];
  assert.deepEqual(sizes.map(formatSize), [
    "0 bytes",
    "999 bytes",
    "1 kB",
    "43 kB",
    "999 kB",
    "1.0 MB",
    "1.6 MB",
    "2345.0 MB",
  ]);
});
