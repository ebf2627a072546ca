import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeThrift, encodeThrift, THRIFT, type ThriftField, type ThriftStruct } from "./thrift.ts";

const encode = (fields: readonly (readonly [number, ThriftField])[]) => encodeThrift(new Map(fields)).toHex();

Deno.test("encodeThrift() writes the compact protocol", () => {
  const { bool, byte, int16, int32, int64, double, binary, list, set, map, struct } = THRIFT;
  const cases: readonly (readonly [hex: string, id: number, type: number, value: ThriftField["value"]])[] = [
    ["1100", 1, bool, true],
    ["1200", 1, bool, false],
    ["13ff00", 1, byte, 255],
    ["140100", 1, int16, -1n],
    ["15d80400", 1, int32, 300n],
    ["16ffffffffffffffffff0100", 1, int64, -(1n << 63n)],
    ["16feffffffffffffffff0100", 1, int64, (1n << 63n) - 1n],
    ["17000000000000f03f00", 1, double, Uint8Array.fromHex("000000000000f03f")],
    ["180261ff00", 1, binary, Uint8Array.fromHex("61ff")],
    ["18" + "8102" + "78".repeat(257) + "00", 1, binary, new Uint8Array(257).fill(0x78)],
    ["1925020400", 1, list, { type: int32, items: [1n, 2n] }],
    ["19210201" + "00", 1, list, { type: bool, items: [false, true] }],
    ["19f50f" + "00".repeat(15) + "00", 1, list, { type: int32, items: Array(15).fill(0n) }],
    ["1a05" + "00", 1, set, { type: int32, items: [] }],
    ["1b0000", 1, map, { types: [0, 0], pairs: [] }],
    ["1b01850161" + "02" + "00", 1, map, { types: [binary, int32], pairs: [[Uint8Array.of(0x61), 1n]] }],
    ["1c250200" + "00", 1, struct, new Map([[2, { type: int32, value: 1n }]])],
    ["f50200", 15, int32, 1n],
    ["05200200", 16, int32, 1n],
  ];
  for (const [hex, id, type, value] of cases) {
    assert.equal(encode([[id, { type, value }]]), hex);
    assert.equal(encodeThrift(decodeThrift(Uint8Array.fromHex(hex))).toHex(), hex);
  }
});

/** A record that is an object like any other. */
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape, { noNullPrototype: true });

const bytes = fc.uint8Array({ maxLength: 300 });
const { struct } = fc.letrec<{ struct: ThriftStruct }>((tie) => {
  const whole = [THRIFT.int16, THRIFT.int32, THRIFT.int64] as const;
  const field = fc.oneof(
    { depthSize: "small" },
    record({ type: fc.constant(THRIFT.bool), value: fc.boolean() }),
    record({ type: fc.constant(THRIFT.byte), value: fc.nat(255) }),
    record({ type: fc.constantFrom(...whole), value: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) }),
    record({ type: fc.constant(THRIFT.double), value: fc.uint8Array({ minLength: 8, maxLength: 8 }) }),
    record({ type: fc.constant(THRIFT.binary), value: bytes }),
    record({
      type: fc.constantFrom(THRIFT.list, THRIFT.set),
      value: fc.array(bytes, { maxLength: 40 }).map((items) => ({ type: THRIFT.binary, items })),
    }),
    record({
      type: fc.constant(THRIFT.list),
      value: fc.array(tie("struct"), { maxLength: 3 }).map((items) => ({ type: THRIFT.struct, items })),
    }),
    record({
      type: fc.constant(THRIFT.map),
      value: fc.array(fc.tuple(bytes, fc.boolean()), { minLength: 1, maxLength: 3 }).map((pairs) => ({
        types: [THRIFT.binary, THRIFT.bool] as const,
        pairs,
      })),
    }),
    record({ type: fc.constant(THRIFT.struct), value: tie("struct") }),
  ) as fc.Arbitrary<ThriftField>;
  const id = fc.integer({ min: -32768, max: 32767 });
  return { struct: fc.array(fc.tuple(id, field), { maxLength: 6 }).map((fields) => new Map(fields)) };
});

Deno.test("decodeThrift() gives what encodeThrift() was given, whatever it is", () => {
  fc.assert(fc.property(struct, (value) => assert.deepEqual(decodeThrift(encodeThrift(value)), value)));
});

Deno.test("decodeThrift() ends with a RangeError on bytes that are no struct", () => {
  const whole = encodeThrift(new Map([[1, { type: THRIFT.list, value: { type: THRIFT.int64, items: [1n, 2n] } }]]));
  for (let size = 0; size < whole.length; size++) assert.throws(() => decodeThrift(whole.slice(0, size)), RangeError);
  for (
    const hex of [
      "1d00",
      "18ffffffffffffffffff0100",
      "18ffffffff7f00",
      "19f5ffffffff0f",
      "16ffffffffffffffffffffff0100",
      "0000",
      "1502050202" + "00",
      "1c".repeat(100),
      "191c".repeat(100),
    ]
  ) {
    assert.throws(() => decodeThrift(Uint8Array.fromHex(hex)), RangeError, hex);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
    try {
      decodeThrift(noise);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }));
});
