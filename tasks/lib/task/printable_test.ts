import assert from "node:assert/strict";
import { printable } from "./printable.ts";

Deno.test("printable() writes out C0, DEL, C1, line separators and bidi controls", () => {
  const codes = [
    ...Array.from({ length: 32 }, (_, code) => code),
    ...Array.from({ length: 33 }, (_, index) => 0x7f + index),
    ...[0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069],
  ];
  for (const code of codes) {
    assert.match(printable(String.fromCharCode(code)), /^\\(n|r|t|u[0-9a-f]{4})$/, String(code));
  }
  assert.equal(printable("\x1b]0;x\x07\u009b2J\n\r\t"), "\\u001b]0;x\\u0007\\u009b2J\\n\\r\\t");
});

Deno.test("printable() leaves all other text as it is", () => {
  const text = "naïve 日本語 שלום مرحبا 👩‍🔬 \\n \u00a0─…";
  assert.equal(printable(text), text);
});

Deno.test("printable() of JSON text is the same JSON", () => {
  const value = { "k\u009b": "\x1b[31m\u202e\n\u0085\u2028" };
  const text = printable(JSON.stringify(value));
  assert.deepEqual(JSON.parse(text), value);
  assert.match(text, /^[ -~]*$/);
});
