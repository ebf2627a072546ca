import assert from "node:assert/strict";
import {
  type CurrentState,
  hasOnlyGoneForward,
  parseSourceState,
  type SourceState,
  writtenEnd,
} from "./source_state.ts";

const BEFORE: SourceState = {
  id: "postgres 7311/heretix",
  start: "2025-09-01T10:00:00.123456Z",
  timeline: "00000001",
  position: "1/FF000028",
};

function stateOf(changes: Partial<CurrentState> = {}): CurrentState {
  return { ...BEFORE, starts: [changes.start ?? BEFORE.start], ...changes };
}

Deno.test("hasOnlyGoneForward() holds while the server runs on", () => {
  for (const position of ["1/FF000028", "1/FF000029", "2/0", "A/0", "10/0"]) {
    assert.equal(hasOnlyGoneForward(BEFORE, stateOf({ position })), true, position);
  }
});

Deno.test("hasOnlyGoneForward() ends with another source, start, timeline, or a log that is behind", () => {
  const others: Partial<CurrentState>[] = [
    { id: "postgres 7311/other" },
    { start: "2025-09-01T10:00:00.123457Z" },
    { timeline: "00000002" },
    { timeline: "standby" },
    { position: "1/FF000027" },
    { position: "0/FFFFFFFF" },
    { position: "1/28" },
  ];
  for (const other of others) assert.equal(hasOnlyGoneForward(BEFORE, stateOf(other)), false, JSON.stringify(other));
});

Deno.test("hasOnlyGoneForward() holds for a start that is known to lie behind the present one", () => {
  const starts = ["first", BEFORE.start, "third"];
  assert.equal(hasOnlyGoneForward(BEFORE, stateOf({ start: "third", starts })), true);
  assert.equal(hasOnlyGoneForward(BEFORE, stateOf({ start: "third", starts: ["first", "third"] })), false);
});

Deno.test("writtenEnd() leaves out the header of a page or file that nothing stands in yet", () => {
  const layout = { pageBytes: 8192, fileBytes: 16 * 2 ** 20 };
  const page = 0x1_0000_2000n;
  const file = 0x1_0100_0000n;
  for (
    const [position, end] of [
      [page + 24n, page],
      [file + 40n, file],
      // A position like those in the middle of a page, or behind what a record has written.
      [page + 40n, page + 40n],
      [file + 8192n + 40n, file + 8192n + 40n],
      [page + 32n, page + 32n],
      [file + 48n, file + 48n],
      [page, page],
    ] as const
  ) {
    assert.equal(writtenEnd(position, layout), end, position.toString(16));
  }
});

Deno.test("parseSourceState() gives what was written as JSON", () => {
  const states: SourceState[] = [
    BEFORE,
    { ...BEFORE, id: "neon ep-cool-1.eu.aws.neon.tech/heretix", start: "0a1b/2c3d", timeline: "standby" },
    { ...BEFORE, id: 'embedded /home/a "b"\n/data/pglite', start: "7d1c2a1e-9c4b-4a7e-8f6d-3b2a1c0d9e8f" },
  ];
  for (const state of states) assert.deepEqual(parseSourceState(JSON.parse(JSON.stringify(state))), state);
});

Deno.test("parseSourceState() takes nothing else", () => {
  const others: unknown[] = [null, undefined, 1, "x", [], {}, [
    BEFORE.id,
    BEFORE.start,
    BEFORE.timeline,
    BEFORE.position,
  ]];
  others.push({ ...BEFORE, more: 1 }, { ...BEFORE, timeline: undefined });
  for (const key of ["id", "start", "timeline", "position"]) {
    for (const value of [undefined, null, 1, "", {}, ["00000001"], "x".repeat(5000), "1/2/3", "-1/0"]) {
      others.push({ ...BEFORE, [key]: value });
    }
    others.push(Object.fromEntries(Object.entries(BEFORE).filter(([name]) => name !== key)));
  }
  const taken = others.filter((value) => parseSourceState(value) !== undefined);
  assert.deepEqual(taken, [{ ...BEFORE, start: "1/2/3" }, { ...BEFORE, start: "-1/0" }]);
});
