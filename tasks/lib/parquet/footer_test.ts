import assert from "node:assert/strict";
import { encodeGroup, footerOf, formatFooter, moveGroup, PARQUET_MAGIC, parseFooter } from "./footer.ts";
import { encodeThrift, THRIFT, type ThriftField, type ThriftStruct } from "./thrift.ts";

const int = (value: bigint) => ({ type: THRIFT.int64, value });
const structs = (...items: ThriftStruct[]) => ({ type: THRIFT.list, value: { type: THRIFT.struct, items } });
const text = (value: string) => new TextEncoder().encode(value);

/** A column's chunk with every offset that the format has, all of them at `at` and beyond. */
function chunkAt(at: bigint, dictionary: bigint): ThriftStruct {
  const meta: ThriftStruct = new Map<number, ThriftField>([
    [3, { type: THRIFT.list, value: { type: THRIFT.binary, items: [text("claim")] } }],
    [5, int(7n)],
    [7, int(50n)],
    [9, int(at + 10n)],
    [10, int(at + 11n)],
    [11, int(dictionary)],
    [14, int(at + 12n)],
    [99, int(13n)],
  ]);
  return new Map<number, ThriftField>([
    [2, int(at + 14n)],
    [3, { type: THRIFT.struct, value: meta }],
    [4, int(at + 15n)],
    [5, int(16n)],
    [6, int(at + 17n)],
    [7, int(18n)],
  ]);
}

/** A footer of one row group of two columns, the second one without a dictionary. */
function footerAt(at: bigint, ordinal: boolean): ThriftStruct {
  const group: ThriftStruct = new Map<number, ThriftField>([
    [1, structs(chunkAt(at, at), chunkAt(at + 50n, 0n))],
    [3, int(7n)],
    [5, int(at)],
    [6, int(100n)],
    ...(ordinal ? [[7, { type: THRIFT.int16, value: 3n }] as const] : []),
  ]);
  return new Map<number, ThriftField>([
    [2, structs(new Map([[4, { type: THRIFT.binary, value: text("claim") }]]))],
    [3, int(7n)],
    [4, structs(group)],
    [99, int(5n)],
  ]);
}

Deno.test("moveGroup() moves every offset of a row group, those that are not given stay so, and its number goes", () => {
  const { groups: [group] } = parseFooter(encodeThrift(footerAt(1000n, true)));
  const moved = moveGroup(group, 234);
  const { groups: [expected] } = parseFooter(encodeThrift(footerAt(1234n, false)));
  assert.deepEqual(moved, expected);
  assert.deepEqual([group.start, group.end, moved.start, moved.end], [1000, 1110, 1234, 1344]);
  assert.deepEqual(moveGroup(moved, -234).struct, moveGroup(group, 0).struct);
  assert.ok(group.struct.has(7), "the caller's own is as it was");
});

Deno.test("formatFooter() counts the rows of its row groups, and keeps what nobody knows", () => {
  const like = parseFooter(encodeThrift(footerAt(4n, false)));
  const groups = [like.groups[0], moveGroup(like.groups[0], 100)];
  const metadata = new Map([["a", "ü"], ["b", ""]]);
  const { struct } = footerOf(Uint8Array.of(...PARQUET_MAGIC, ...formatFooter(like, groups, metadata)));
  assert.deepEqual([...struct.keys()], [2, 3, 4, 5, 99]);
  assert.equal(struct.get(3)!.value, 14n);
  const without = footerOf(Uint8Array.of(...PARQUET_MAGIC, ...formatFooter({ ...like, struct }, groups)));
  assert.deepEqual([...without.struct.keys()], [2, 3, 4, 99], "metadata is not taken over");
});

Deno.test("encodeGroup() refuses a row group whose bytes do not say where it is", () => {
  const { groups: [group] } = parseFooter(encodeThrift(footerAt(1000n, false)));
  assert.deepEqual(encodeGroup(group).bytes, encodeThrift(group.struct));
  for (const wrong of [{ rows: 8 }, { start: 1001 }, { end: 1111 }]) {
    assert.throws(() => encodeGroup({ ...group, ...wrong }), RangeError);
  }
});
