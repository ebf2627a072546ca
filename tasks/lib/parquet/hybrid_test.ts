import assert from "node:assert/strict";
import { columnsOf } from "../../../tests/support/columns.ts";
import { createBuffer } from "../copy/column_buffer.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { appendIndices, appendLevels } from "./hybrid.ts";

function indicesOf(indices: readonly number[], entries: number): string {
  const target = new GrowingBytes();
  appendIndices(target, Int32Array.from(indices), { count: indices.length, entries });
  return target.taken().toHex();
}

function levelsOf(bits: readonly number[]): string {
  const buffer = createBuffer(columnsOf({ x: "bigint" })[0]);
  buffer.validity = new Uint8Array((bits.length + 7) >> 3);
  bits.forEach((bit, row) => buffer.validity[row >> 3] |= bit << (row & 7));
  buffer.nulls = bits.filter((bit) => bit === 0).length;
  const target = new GrowingBytes();
  appendLevels(target, buffer, bits.length);
  return target.taken().toHex();
}

Deno.test("appendIndices() packs what has no runs, as the format's own example does", () => {
  assert.equal(indicesOf([0, 1, 2, 3, 4, 5, 6, 7], 8), "03" + "03" + "88c6fa");
  assert.equal(indicesOf([1, 0, 1], 2), "01" + "03" + "05");
});

Deno.test("appendIndices() writes runs where those are the shorter, in as many bytes as an index needs", () => {
  assert.equal(indicesOf([...Array(100).fill(1), ...Array(64).fill(0)], 2), "01" + "c80101" + "800100");
  assert.equal(indicesOf(Array(50).fill(299), 300), "09" + "642b01");
});

Deno.test("appendIndices() gives the only value of a dictionary one bit", () => {
  assert.equal(indicesOf(Array(100).fill(0), 1), "01" + "c80100");
});

Deno.test("appendLevels() is one run where all values are there or none is, else their bits", () => {
  assert.equal(levelsOf([1, 1, 1, 1, 1]), "02000000" + "0a01");
  assert.equal(levelsOf([0, 0, 0, 0, 0]), "02000000" + "0a00");
  assert.equal(levelsOf([1, 0, 1, 1, 0, 0, 0, 0, 0, 1]), "03000000" + "05" + "0d02");
});
