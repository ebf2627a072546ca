import assert from "node:assert/strict";
import { checksOf } from "../../../tests/support/checks.ts";
import { columnsOf } from "../../../tests/support/columns.ts";
import { readParquet } from "../../../tests/support/parquet.ts";
import { createTupleWriter } from "../copy/encode.ts";
import type { BadRow } from "../dataset/source.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { ChunkWriter } from "../parquet/writer.ts";
import { HARNESS_ROW_KEY } from "../sources/harness.ts";
import { MAX_GROUP_ROWS } from "../sources/segments.ts";
import { sha256 } from "../task/digest.ts";
import { Groups, MAX_GROUP_BYTES } from "./groups.ts";
import type { RunEvent } from "./messages.ts";

const COLUMNS = columnsOf({
  created_at: "timestamptz",
  source: "text",
  run_id: "text",
  execution_id: "text",
  seed: "numeric(20,0)",
});

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();
const badRows: BadRow[] = [];
const writer = new ChunkWriter(db, {
  dataset: checksOf(COLUMNS),
  rowKey: HARNESS_ROW_KEY,
  onBadRow: (row) => void badRows.push(row),
});

const START = 1_756_684_800_000_000n;
const text = (value: string) => new TextEncoder().encode(value);

/** Tuples numbered `from` to `to`, a microsecond apart; the run of each is padded to a size. */
function tuplesOf(from: number, to: number, { source = "postgres", padding = 0, seed = "1" } = {}): Uint8Array {
  const tuples = createTupleWriter(COLUMNS);
  for (let n = from; n <= to; n++) {
    tuples.append([START + BigInt(n), text(source), text(`run-${n}`.padEnd(padding)), null, seed]);
  }
  return tuples.take();
}

/** Groups that make row groups, and all that they tell. */
function openGroups(): { groups: Groups; events: RunEvent[]; sizes: () => number[] } {
  const events: RunEvent[] = [];
  const groups = new Groups({
    writer,
    takeBadRows: () => badRows.splice(0),
    emit: (event) => void events.push(event),
  });
  const sizes = () =>
    events.flatMap((event) =>
      event.kind === "chunk" ? [Object.values(event.chunk.rows).reduce((sum, rows) => sum + rows, 0)] : []
    );
  return { groups, events, sizes };
}

/** Adds rows `from` to `to` as those do who read a table: in blocks, none of which goes past the room there is. */
function addRows(groups: Groups, from: number, to: number, step = 1500): void {
  for (let at = from; at <= to;) {
    const last = Math.min(to, at + Math.min(step, groups.room) - 1);
    groups.add(tuplesOf(at, last), last - at + 1);
    at = last + 1;
  }
}

Deno.test("Groups cuts a segment of more rows than a row group holds into row groups of one size", () => {
  const { groups, sizes, events } = openGroups();
  groups.begin(MAX_GROUP_ROWS + 3);
  addRows(groups, 1, MAX_GROUP_ROWS + 3);
  groups.end();
  assert.deepEqual(sizes(), [MAX_GROUP_ROWS / 2 + 2, MAX_GROUP_ROWS / 2 + 1]);
  assert.deepEqual(events.at(-1)!.kind, "segment");
});

Deno.test("Groups makes one row group of as many rows as it holds, and a second one of one row more than were promised", () => {
  const { groups, sizes } = openGroups();
  groups.begin(MAX_GROUP_ROWS);
  addRows(groups, 1, MAX_GROUP_ROWS + 1, 8192);
  groups.end();
  assert.deepEqual(sizes(), [MAX_GROUP_ROWS, 1]);
});

Deno.test("Groups cuts long rows by their bytes", () => {
  const { groups, sizes } = openGroups();
  const padding = 0.4 * MAX_GROUP_BYTES;
  groups.begin(3);
  for (let n = 1; n <= 3; n++) groups.add(tuplesOf(n, n, { padding }), 1);
  groups.end();
  assert.deepEqual(sizes(), [2, 1]);
});

Deno.test("Groups tells of each segment its rows, its digest and the rows that were left out, behind its row groups", async () => {
  const { groups, events } = openGroups();
  const first = [tuplesOf(1, 2), tuplesOf(3, 3, { seed: "9".repeat(21) }), tuplesOf(4, 4)];
  const second = tuplesOf(5, 6);
  groups.begin(4);
  for (const [at, tuples] of first.entries()) groups.add(tuples, at === 0 ? 2 : 1);
  groups.end();
  groups.begin(0);
  groups.end();
  groups.begin(2);
  groups.add(second, 2);
  groups.end();
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["read", "read", "read", "chunk", "segment", "segment", "read", "chunk", "segment"],
  );
  const results = events.flatMap((event) => event.kind === "segment" ? [event.result] : []);
  const all = Uint8Array.from(first.flatMap((tuples) => [...tuples]));
  assert.deepEqual(results.map(({ rows, sha256 }) => [rows, sha256]), [
    [4, sha256(all)],
    [0, sha256("")],
    [2, sha256(second)],
  ]);
  assert.deepEqual(results.map(({ badRows }) => badRows.map(({ name }) => name)), [["run-3"], [], []]);
  const chunks = events.flatMap((event) => event.kind === "chunk" ? [event.chunk] : []);
  // The first one's memory is not the second one's.
  const runs = await Promise.all(chunks.map(async ({ bytes }) => (await readParquet(bytes)).rows.map((r) => r.run_id)));
  assert.deepEqual(runs, [["run-1", "run-2", "run-4"], ["run-5", "run-6"]]);
});

Deno.test("Groups lets few new rows in many pieces join the old ones that were kept", () => {
  const kept = openGroups();
  kept.groups.begin(0);
  kept.groups.add(tuplesOf(1, 100, { source: "sqlite" }), 100);
  kept.groups.end();
  const [chunk] = kept.events.flatMap((event) => event.kind === "chunk" ? [event.chunk] : []);
  const { groups, sizes, events } = openGroups();
  groups.begin(9);
  groups.keep(chunk.bytes, 100, "sqlite");
  for (let n = 101; n < 110; n++) groups.add(tuplesOf(n, n, { source: "sqlite" }), 1);
  groups.end();
  assert.deepEqual(sizes(), [109]);
  const [result] = events.flatMap((event) => event.kind === "segment" ? [event.result] : []);
  assert.equal(result.rows, 9, "what was kept was not read");
});

Deno.test("Groups makes no row group of more rows than one holds, kept ones among them", () => {
  const { groups, sizes, events } = openGroups();
  groups.begin(0);
  addRows(groups, 1, 3);
  groups.end();
  const [kept] = events.flatMap((event) => event.kind === "chunk" ? [event.chunk.bytes] : []);
  groups.begin(10);
  // Said to be of as many rows as leave room for five.
  groups.keep(kept, MAX_GROUP_ROWS - 5, "postgres");
  groups.add(tuplesOf(4, 13), 10);
  groups.end();
  assert.deepEqual(sizes(), [3, 3, 10]);
});
