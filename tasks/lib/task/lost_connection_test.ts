import assert from "node:assert/strict";
import { isLostConnectionNoise } from "./lost_connection.ts";

function errorAt(frame: string, message = "Cannot read properties of null (reading 'write')"): Error {
  return Object.assign(new TypeError(message), { stack: `TypeError: ${message}\n    at ${frame}` });
}

Deno.test("isLostConnectionNoise() knows what postgres.js throws, and nothing else", () => {
  const frame = "Immediate.nextWrite (file:///node_modules/postgres/src/connection.js:255:22)";
  assert.equal(isLostConnectionNoise(errorAt(frame)), true);
  assert.equal(isLostConnectionNoise(errorAt(frame, "x is not a function")), false);
  assert.equal(isLostConnectionNoise(errorAt("report (file:///tasks/lib/report.ts:1:1)")), false);
  assert.equal(isLostConnectionNoise("text"), false);
});
