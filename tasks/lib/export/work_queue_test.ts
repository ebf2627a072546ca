import assert from "node:assert/strict";
import type { Day } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";
import { adjoinIn, WorkQueue } from "./work_queue.ts";

const dayOf = (n: number): Day => new Date(86_400_000 * n).toISOString().slice(0, 10);

const daysOf = (count: number) => Array.from({ length: count }, (_, n) => dayOf(n));

const segmentOf = (day: Day, rows: number, [from, until]: Segment["minutes"] = [0, 1440]): Segment => ({
  day,
  minutes: [from, until],
  rows,
});

interface Given {
  readonly segments: readonly Segment[];
  readonly files?: readonly { readonly day: Day }[];
  readonly threads?: number;
  /** Days of the table; those of the segments where undefined. */
  readonly days?: readonly Day[];
}

function queueOf({ segments, files = [], threads = 2, days = segments.map(({ day }) => day) }: Given) {
  return new WorkQueue({ segments, files, threads, adjoins: adjoinIn(new Set(days)) });
}

/** Takes all runs. */
function runsOf(given: Given): (readonly Segment[])[] {
  const queue = queueOf(given);
  const runs: (readonly Segment[])[] = [];
  while (queue.hasSegments) runs.push(queue.takeRun());
  assert.deepEqual(queue.takeRun(), []);
  return runs;
}

Deno.test("takeRun() gives each segment once and in order, to 1, 2 and 4 threads", () => {
  const segments = daysOf(300).map((day, n) => segmentOf(day, n % 7 === 0 ? 30_000 : 10 * n));
  for (const threads of [1, 2, 4]) {
    const runs = runsOf({ segments, threads });
    assert.deepEqual(runs.flat(), segments);
    assert.ok(runs.every((run) => run.length > 0 && run.length <= 64));
  }
});

Deno.test("takeRun() leaves most of the rows to the others, and gives less and less", () => {
  const segments = daysOf(64).map((day) => segmentOf(day, 100));
  for (const threads of [1, 2, 4]) {
    const lengths = runsOf({ segments, threads }).map((run) => run.length);
    assert.equal(lengths[0], 32 / threads);
    assert.ok(lengths.every((length, at) => at === 0 || length <= lengths[at - 1]), `${lengths}`);
    assert.equal(lengths.at(-1), 1);
  }
});

Deno.test("takeRun() gives one segment that has more rows than its share", () => {
  const segments = [segmentOf(dayOf(0), 1_000_000), segmentOf(dayOf(1), 10), segmentOf(dayOf(2), 10)];
  assert.deepEqual(runsOf({ segments })[0], segments.slice(0, 1));
});

Deno.test("takeRun() never spans a day of the table that is not read", () => {
  const days = daysOf(12);
  const wanted = [0, 1, 2, 4, 5, 8, 9, 10, 11].map((n) => days[n]);
  const segments = wanted.flatMap((day) => [segmentOf(day, 0, [0, 700]), segmentOf(day, 0, [700, 1440])]);
  const runs = runsOf({ segments, days });
  assert.deepEqual(runs.flat(), segments);
  const numbersOf = (run: readonly Segment[]) => [...new Set(run.map(({ day }) => days.indexOf(day)))];
  assert.deepEqual(runs.map(numbersOf), [[0, 1, 2], [4, 5], [8, 9, 10, 11]]);
});

Deno.test("takeRun() spans days that the table does not have", () => {
  const segments = [dayOf(0), dayOf(50), dayOf(99)].map((day) => segmentOf(day, 0));
  assert.deepEqual(runsOf({ segments }), [segments]);
});

Deno.test("takeSegment() gives one at a time", () => {
  const segments = daysOf(3).map((day) => segmentOf(day, 0));
  const queue = queueOf({ segments });
  assert.deepEqual(segments.map(() => queue.takeSegment()), segments.map((one) => [one]));
  assert.deepEqual([queue.takeSegment(), queue.hasSegments], [[], false]);
});

Deno.test("takeFiles() gives the files of a day as soon as the table's rows of it were given", () => {
  const days = daysOf(6);
  const segments = [
    segmentOf(days[1], 1_000_000, [0, 700]),
    segmentOf(days[1], 10, [700, 1440]),
    segmentOf(days[3], 10),
  ];
  const files: { readonly day: Day }[] = [0, 1, 1, 2, 3, 5].map((n) => ({ day: days[n] }));
  const queue = queueOf({ segments, files });
  const come = () => {
    const parts: number[] = [];
    for (let next = queue.takeFiles(); next !== undefined; next = queue.takeFiles()) parts.push(files.indexOf(next));
    return parts;
  };
  assert.deepEqual(come(), [0]);
  queue.takeSegment();
  assert.deepEqual(come(), [], "half of its day is left");
  queue.takeSegment();
  assert.deepEqual(come(), [1, 2, 3]);
  queue.takeSegment();
  assert.deepEqual(come(), [4, 5]);
});

Deno.test("takeFiles() gives all files where nothing of a table is read", () => {
  const files = daysOf(3).map((day) => ({ day }));
  const queue = queueOf({ segments: [], files });
  assert.deepEqual([queue.takeFiles(), queue.takeFiles(), queue.takeFiles(), queue.takeFiles()], [...files, undefined]);
});
