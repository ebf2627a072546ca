import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { concat } from "../../../tests/support/columns.ts";
import { encodeMessage } from "../../../tests/support/servers.ts";
import { createCopyTap } from "./copy_tap.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A body of so many bytes, all values among them, which begins as its number says. */
const bodyOf = (size: number, number: number) => Uint8Array.from({ length: size }, (_, at) => number + 7 * at);

/** What a server sends for a query, a COPY, an error and another COPY: the letters of messages, the rows apart. */
function streamOf(sizes: readonly number[]): { stream: Uint8Array; rows: Uint8Array[]; others: Uint8Array } {
  const rows = sizes.map(bodyOf);
  const copy = [
    encodeMessage("H", Uint8Array.of(1, 0, 1, 0, 1)),
    ...rows.map((row) => encodeMessage("d", row)),
    encodeMessage("c", new Uint8Array()),
    encodeMessage("C", text("COPY 7\0")),
    encodeMessage("Z", text("T")),
  ];
  const messages = [
    encodeMessage("S", text("TimeZone\0UTC\0")),
    encodeMessage("T", bodyOf(30, 3)),
    // A row of a query that looks like one of a COPY.
    encodeMessage("D", encodeMessage("d", text("dddd"))),
    encodeMessage("C", text("SELECT 1\0")),
    encodeMessage("Z", text("T")),
    ...copy,
    encodeMessage("E", text("SERROR\0C22012\0Mdivision by zero\0\0")),
    encodeMessage("Z", text("E")),
    ...copy,
  ];
  const others = messages.filter((message) => message[0] !== "d".charCodeAt(0));
  return { stream: concat(...messages), rows: [...rows, ...rows], others: concat(...others) };
}

/** What comes out of a tap for some chunks, each of which is overwritten once it was taken. */
function tapped(chunks: readonly Uint8Array[], isTaken = true): { rows: Uint8Array[]; others: Uint8Array } {
  const [rows, passed]: [Uint8Array[], Uint8Array[]] = [[], []];
  const tap = createCopyTap({
    take(bytes, start, end) {
      if (isTaken) rows.push(bytes.slice(start, end));
      return isTaken;
    },
    pass: (bytes) => void passed.push(bytes.slice()),
  });
  for (const chunk of chunks) tap(Buffer.from(chunk));
  return { rows, others: concat(...passed) };
}

function expectSame(found: ReturnType<typeof tapped>, { rows, others }: ReturnType<typeof streamOf>): void {
  assert.equal(found.rows.length, rows.length);
  assert.ok(rows.every((row, index) => Buffer.compare(row, found.rows[index]) === 0), "a row is another one");
  assert.equal(Buffer.compare(found.others, others), 0, "what passes is not what was sent");
}

Deno.test("createCopyTap() gives rows whole and in order and passes the rest, wherever the stream is cut in two", () => {
  const sent = streamOf([0, 1, 4, 5, 19, 60, 2]);
  for (let at = 0; at <= sent.stream.length; at++) {
    expectSame(tapped([sent.stream.subarray(0, at), sent.stream.subarray(at)]), sent);
  }
});

Deno.test("createCopyTap() gives rows whole and in order from pieces of one byte and of any size", () => {
  const small = streamOf([0, 1, 4, 5, 19, 60, 2]);
  expectSame(tapped([...small.stream].map((byte) => Uint8Array.of(byte))), small);
  const large = streamOf([200_000, 0, 3, 65_536, 1, 70_000, 12]);
  for (let seed = 1; seed <= 30; seed++) {
    const pieces: Uint8Array[] = [];
    let random = seed;
    for (let at = 0; at < large.stream.length; at += pieces.at(-1)!.length) {
      random = (random * 48_271) % 2_147_483_647;
      pieces.push(large.stream.subarray(at, at + 1 + random % (seed % 3 === 0 ? 70_000 : 9_000)));
    }
    expectSame(tapped(pieces), large);
  }
});

Deno.test("createCopyTap() passes rows that nobody takes with everything else, byte for byte", () => {
  const { stream } = streamOf([0, 1, 4, 5, 19, 60, 2]);
  for (let at = 0; at <= stream.length; at++) {
    const { rows, others } = tapped([stream.subarray(0, at), stream.subarray(at)], false);
    assert.deepEqual([rows.length, Buffer.compare(others, stream)], [0, 0]);
  }
});
