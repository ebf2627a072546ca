import assert from "node:assert/strict";
import { GrowingBytes } from "./growing_bytes.ts";

Deno.test("GrowingBytes keeps what is there when it grows", () => {
  const target = new GrowingBytes();
  const bytes = Uint8Array.from({ length: 200_001 }, (_, i) => i & 255);
  for (let at = 0; at < bytes.length; at += 1000) target.append(bytes.subarray(at, at + 1000));
  target.byte(7);
  assert.equal(target.taken().toHex(), `${bytes.toHex()}07`);
});

Deno.test("varint() writes seven bits a byte, the lowest first", () => {
  for (const [value, hex] of [[0, "00"], [127, "7f"], [128, "8001"], [16_384, "808001"], [0xffffffff, "ffffffff0f"]]) {
    const target = new GrowingBytes();
    target.varint(Number(value));
    assert.equal(target.taken().toHex(), hex);
  }
});

Deno.test("extend() refuses what a page's size cannot say", () => {
  assert.throws(() => new GrowingBytes().extend(2 ** 31), {
    name: "RangeError",
    message: "a row group has more than 2 GiB in one column",
  });
});
