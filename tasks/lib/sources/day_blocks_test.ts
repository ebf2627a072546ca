import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { columnsOf, concat, tupleOf } from "../../../tests/support/columns.ts";
import { createBlockPool } from "../copy/block_pool.ts";
import { fieldOf, headerSize } from "../copy/decode.ts";
import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "../copy/columns.ts";
import { type Day, DAY_MICROS, startOf } from "../dataset/day.ts";
import { splitByDay } from "./day_blocks.ts";
import type { DayBlock } from "../dataset/source.ts";

const HEADER = Uint8Array.fromHex("5047434f50590aff0d0a000000000000000000");
const TRAILER = Uint8Array.of(0xff, 0xff);
const DAY = startOf("2025-08-29");
const FIELDS = columnsOf({ at: "timestamptz", text: "text" });
const PATIENCE = { label: "a test's", idleMs: 60_000, startMs: 60_000 };

/** A tuple of created_at, in microseconds since 1970, and a text. */
function row(micros: bigint, text: string): Uint8Array {
  const field = BigInt.asUintN(64, micros - POSTGRES_EPOCH_MICROS).toString(16).padStart(16, "0");
  return tupleOf([field, new TextEncoder().encode(text).toHex()]);
}

function streamOf(chunks: Iterable<Uint8Array>): Readable {
  return Readable.from(chunks, { objectMode: true });
}

async function blocksOf(chunks: Iterable<Uint8Array>, blocks = createBlockPool()): Promise<DayBlock[]> {
  return await Array.fromAsync(splitByDay(streamOf(chunks), FIELDS, { blocks, patience: PATIENCE }));
}

/** Texts of the tuples of each block, and their days. */
function textsOf(blocks: readonly DayBlock[]): [Day, string[]][] {
  return blocks.map(({ day, tuples, rows }) => {
    const texts: string[] = [];
    for (let at = 0; at < tuples.length;) {
      const text = fieldOf(tuples.subarray(at), 1)!;
      texts.push(new TextDecoder().decode(text));
      at += 2 + 4 + 8 + 4 + text.length;
    }
    assert.equal(texts.length, rows);
    return [day, texts];
  });
}

Deno.test("splitByDay() starts a block with each day", async () => {
  const rows = [
    row(-62135596800000000n, "first"),
    row(-1n, "a"),
    row(0n, "b"),
    row(DAY - 1n, "c"),
    row(DAY, "d"),
    row(DAY + 1n, "e"),
    row(DAY + DAY_MICROS - 1n, "f"),
    row(DAY + DAY_MICROS, "g"),
    row(253402300799999999n, "last"),
  ];
  assert.deepEqual(textsOf(await blocksOf([HEADER, ...rows, TRAILER])), [
    ["0001-01-01", ["first"]],
    ["1969-12-31", ["a"]],
    ["1970-01-01", ["b"]],
    ["2025-08-28", ["c"]],
    ["2025-08-29", ["d", "e", "f"]],
    ["2025-08-30", ["g"]],
    ["9999-12-31", ["last"]],
  ]);
});

Deno.test("splitByDay() starts a block with each day of a date", async () => {
  const days = ["0001-01-01", "1969-12-31", "1970-01-01", "2000-01-01", "2000-01-02", "9999-12-31"];
  const rowOf = (day: Day) => {
    const field = Number(startOf(day) / DAY_MICROS) - POSTGRES_EPOCH_DAYS;
    return tupleOf([(field >>> 0).toString(16).padStart(8, "0"), "61"]);
  };
  const tuples = days.flatMap((day) => [rowOf(day), rowOf(day)]);
  const blocks = await Array.fromAsync(
    splitByDay(streamOf([HEADER, ...tuples, TRAILER]), columnsOf({ day: "date", text: "text" }), {
      blocks: createBlockPool(),
      patience: PATIENCE,
    }),
  );
  assert.deepEqual(blocks.map(({ day, rows }) => [day, rows]), days.map((day) => [day, 2]));
});

Deno.test("splitByDay() takes a header with the first row or with the trailer", async () => {
  const joined = await blocksOf([concat(HEADER, row(DAY, "a")), row(DAY, "b"), TRAILER]);
  assert.deepEqual(textsOf(joined), [["2025-08-29", ["a", "b"]]]);
  assert.deepEqual(await blocksOf([concat(HEADER, TRAILER)]), []);
  assert.equal(headerSize(HEADER), HEADER.length);
});

Deno.test("splitByDay() cuts long days into blocks, and gives a row larger than a block one of its own", async () => {
  const long = "x".repeat(100_000);
  const texts = [...Array(12).fill(long), "y".repeat(1_500_000), "z", ...Array(30).fill(long), "end"];
  const blocks = await blocksOf([HEADER, ...texts.map((text) => row(DAY, text)), TRAILER]);
  assert.ok(blocks.length > 8);
  assert.ok(blocks.every(({ tuples }) => tuples.length <= 1_600_000));
  assert.deepEqual(textsOf(blocks).flatMap(([, found]) => found), texts);
  assert.deepEqual(new Set(blocks.map(({ day }) => day)), new Set(["2025-08-29"]));
});

Deno.test("splitByDay() gives blocks that do not share memory", async () => {
  const chunks = [HEADER, row(DAY, "a"), row(DAY + DAY_MICROS, "b"), TRAILER];
  const [first, second] = await blocksOf(chunks);
  assert.notEqual(first.tuples.buffer, second.tuples.buffer);
});

Deno.test("splitByDay() fills blocks that were given back", async () => {
  const pool = createBlockPool();
  const [first] = await blocksOf([HEADER, row(DAY, "a".repeat(1000)), TRAILER], pool);
  pool.give(first.tuples.buffer);
  const again = await blocksOf([HEADER, row(DAY, "b"), TRAILER], pool);
  assert.equal(again[0].tuples.buffer, first.tuples.buffer);
  assert.deepEqual(textsOf(again), [["2025-08-29", ["b"]]]);
});

Deno.test("splitByDay() pauses the stream while its consumer is slow, and loses no row", async () => {
  let pulled = 0;
  function* chunks() {
    yield HEADER;
    for (; pulled < 400; pulled++) yield row(DAY, `${pulled}`.padEnd(100_000));
    yield TRAILER;
  }
  let [rows, ahead] = [0, 0];
  for await (const block of splitByDay(streamOf(chunks()), FIELDS, { blocks: createBlockPool(), patience: PATIENCE })) {
    rows += block.rows;
    await new Promise((resolve) => setTimeout(resolve, 1));
    ahead = Math.max(ahead, pulled - rows);
  }
  assert.equal(rows, 400);
  assert.ok(ahead < 150, `${ahead} rows were read ahead`);
});

Deno.test("splitByDay() throws when the trailer is missing", async () => {
  for (const chunks of [[HEADER], [HEADER, row(DAY, "a")], [concat(HEADER, row(DAY, "a"))]]) {
    await assert.rejects(blocksOf(chunks), {
      name: "TaskError",
      message: "Cannot read rows: the stream ends without its trailer; run the export again",
    });
  }
  await assert.rejects(blocksOf([]), { name: "TaskError" });
});

Deno.test("splitByDay() throws on a stream of another kind", async () => {
  await assert.rejects(blocksOf([row(DAY, "a"), TRAILER]), { name: "CopyFormatError" });
  await assert.rejects(blocksOf([HEADER, tupleOf(["00"]), TRAILER]), /not one row/);
  await assert.rejects(blocksOf([HEADER, row(DAY, "a").subarray(0, 1), TRAILER]), /not one row/);
});

Deno.test("splitByDay() throws when the stream is destroyed", async () => {
  for (const [cause, expected] of [[undefined, /the connection was lost/], [new Error("reset"), /reset/]] as const) {
    const stream = new Readable({ objectMode: true, read() {} });
    stream.push(HEADER);
    stream.push(row(DAY, "a"));
    setTimeout(() => stream.destroy(cause), 5);
    await assert.rejects(
      Array.fromAsync(splitByDay(stream, FIELDS, { blocks: createBlockPool(), patience: PATIENCE })),
      expected,
    );
  }
});

Deno.test("splitByDay() destroys the stream of a consumer that leaves early", async () => {
  const stream = new Readable({ objectMode: true, read() {} });
  for (const chunk of [HEADER, row(DAY, "a"), row(DAY + DAY_MICROS, "b"), row(DAY + 2n * DAY_MICROS, "c")]) {
    stream.push(chunk);
  }
  for await (const { day } of splitByDay(stream, FIELDS, { blocks: createBlockPool(), patience: PATIENCE })) {
    assert.equal(day, "2025-08-29");
    break;
  }
  assert.equal(stream.destroyed, true);
});
