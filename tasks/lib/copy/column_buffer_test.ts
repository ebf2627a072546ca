import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { createBuffer, reserveBytes, reserveRows, truncateRows } from "./column_buffer.ts";

const [TEXT, BIGINT, BOOLEAN, DECIMAL] = columnsOf({
  t: "text",
  i: "bigint",
  b: "boolean",
  d: "numeric(20,0)",
});

Deno.test("reserveRows() makes room by the width of a layout", () => {
  for (const [column, rows, sizeBytes] of [[BIGINT, 100, 800], [BOOLEAN, 1001, 126], [DECIMAL, 100, 1600]] as const) {
    const buffer = createBuffer(column);
    reserveRows(buffer, rows);
    assert.ok(buffer.values.length >= sizeBytes);
    assert.ok(buffer.validity.length >= Math.ceil(rows / 8));
    assert.equal(buffer.words.buffer, buffer.values.buffer);
  }
});

Deno.test("reserveRows() makes room for offsets of a text, not for its bytes", () => {
  const buffer = createBuffer(TEXT);
  reserveRows(buffer, 100);
  assert.ok(buffer.offsets.length >= 101);
  assert.equal(buffer.values.length, 0);
  reserveBytes(buffer, 7);
  assert.ok(buffer.values.length >= 7);
});

Deno.test("reserveRows() keeps what is there", () => {
  const [numbers, texts] = [createBuffer(BIGINT), createBuffer(TEXT)];
  for (const buffer of [numbers, texts]) reserveRows(buffer, 1);
  [numbers.words[0], numbers.validity[0], texts.offsets[1]] = [42, 1, 5];
  for (const buffer of [numbers, texts]) reserveRows(buffer, 100_000);
  assert.deepEqual([numbers.words[0], numbers.validity[0], texts.offsets[1]], [42, 1, 5]);
});

Deno.test("truncateRows() clears the bits from a row on", () => {
  for (const rows of [0, 1, 7, 8, 9, 31]) {
    const buffer = createBuffer(BOOLEAN);
    reserveRows(buffer, 32);
    buffer.validity.fill(0xff);
    buffer.values.fill(0xff);
    truncateRows(buffer, rows, 3);
    const bits = (bytes: Uint8Array) => Array.from({ length: 32 }, (_, i) => bytes[i >> 3] >> (i & 7) & 1);
    const expected = Array.from({ length: 32 }, (_, i) => i < rows ? 1 : 0);
    assert.deepEqual([bits(buffer.validity), bits(buffer.values), buffer.nulls], [expected, expected, 3]);
  }
});
