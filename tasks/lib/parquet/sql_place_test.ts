import assert from "node:assert/strict";
import { placeOf } from "./sql_place.ts";

Deno.test("placeOf() says the line and what stands at the place", () => {
  const message = 'Binder Error: column "nope" not found\nBindings: "a"\nLINE 3: select a, nope from checks\n' +
    "                 ^";
  assert.equal(
    placeOf(message, 1),
    'Binder Error: column "nope" not found Bindings: "a" (line 2, near "nope from checks")',
  );
});

Deno.test("placeOf() leaves a message without a place on one line", () => {
  assert.equal(placeOf("IO Error: no such file\n", 1), "IO Error: no such file");
  assert.equal(placeOf("Error: a\nLINE 1: is data\nof a row", 0), "Error: a LINE 1: is data of a row");
});

Deno.test("placeOf() quotes 40 characters at most, and none at the end of the text", () => {
  assert.match(placeOf(`Error: x\nLINE 1: ${"y".repeat(100)}\n        ^`, 0), /^Error: x \(line 1, near "y{40}"\)$/);
  assert.equal(placeOf("Error: x\nLINE 1: select\n              ^", 0), "Error: x (line 1)");
});
