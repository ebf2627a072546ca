import assert from "node:assert/strict";
import { daysOf, END, never, tableOf, threadOf } from "../../../tests/support/threads.ts";
import type { Day } from "../dataset/day.ts";
import type { TableSource } from "../dataset/source.ts";
import type { Thread } from "../threads/pool.ts";
import { doWork } from "./do_work.ts";
import { adjoinIn, WorkQueue } from "./work_queue.ts";

interface Given {
  readonly threads: readonly Thread[];
  readonly days?: readonly Day[];
  readonly files?: readonly Day[];
  readonly table?: TableSource;
  readonly signal?: AbortSignal;
  readonly readFiles?: () => Promise<void>;
}

/** Does the work of some days; gives the notes and, in order, the days that were ended and those of files. */
async function work({ threads, days = [], files = [], table = tableOf(days), signal, readFiles }: Given) {
  const seen = { notes: [] as string[], ended: [] as Day[], files: [] as Day[] };
  const segments = table.segments(days);
  const queue = new WorkQueue({
    segments,
    files: files.map((day) => ({ day })),
    threads: threads.length,
    adjoins: adjoinIn(table.days.keys()),
  });
  await doWork({
    queue,
    table: days.length > 0 ? table : undefined,
    async readFiles({ day }) {
      await readFiles?.();
      seen.files.push(day);
    },
    onEvent: ({ day }, event) => void (event.kind === "segment" && seen.ended.push(day)),
    room: () => Promise.resolve(),
  }, {
    threads,
    note: (text) => void seen.notes.push(text),
    signal: signal ?? new AbortController().signal,
  });
  return seen;
}

const turns = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

const ALONE = ["No thread got a session of its own in time: all rows come over one"];

/** A thread, and which days it has read by its own session. */
function readingThread(parts: Partial<Thread> = {}): { thread: Thread; read: Day[]; left: () => boolean } {
  const read: Day[] = [];
  let hasLeft = false;
  const thread = threadOf({
    async readTable({ segments }, onEvent) {
      await turns(1);
      for (const { day } of segments) {
        read.push(day);
        onEvent(END);
      }
    },
    leave: () => Promise.resolve(void (hasLeft = true)),
    ...parts,
  });
  return { thread, read, left: () => hasLeft };
}

Deno.test("doWork() has threads read all segments by sessions of their own, which end with them, and says nothing", async () => {
  const days = daysOf(40);
  const both = [readingThread(), readingThread()];
  const { notes, ended, files } = await work({ threads: both.map(({ thread }) => thread), days, files: days });
  assert.deepEqual(notes, []);
  assert.deepEqual(ended.sort(), days);
  assert.deepEqual(files, days);
  assert.deepEqual(both.map(({ left }) => left()), [true, true]);
  assert.ok(both.every(({ read }) => read.length > 5));
});

Deno.test("doWork() asks for no snapshot and no session where nothing of a table is to be read", async () => {
  const refuse = () => Promise.reject(new Error("it was asked"));
  const days = daysOf(3);
  const { files } = await work({
    threads: [threadOf({ join: refuse })],
    files: days,
    table: tableOf([], { share: refuse }),
  });
  assert.deepEqual(files, days);
});

Deno.test("doWork() has a thread that has started when all rows are read join no more", async () => {
  const started = Promise.withResolvers<void>();
  let joins = 0;
  const first = threadOf({ leave: () => Promise.resolve(started.resolve()) });
  const late = threadOf({ ready: () => started.promise, join: () => Promise.resolve(joins++ === 0) });
  await work({ threads: [first, late], days: daysOf(3) });
  await turns();
  assert.equal(joins, 0);
});

Deno.test("doWork() reads over the table's own session where no thread joins, and says so once", async () => {
  const days = daysOf(5);
  const copies: string[] = [];
  let gaveUp = 0;
  const table = tableOf(days, {
    keepToItself: () => void gaveUp++,
    async read(sql, take) {
      copies.push(sql);
      await take(new Uint8Array(2), 0, 2);
    },
  });
  const join = () => Promise.resolve(false);
  const refuse = () => Promise.reject(new Error("it has no session"));
  const thread = () => threadOf({ join, readTable: refuse, leave: refuse });
  const { notes, ended, files } = await work({ threads: [thread(), thread()], days, table, files: days });
  assert.deepEqual([notes, ended, files], [ALONE, days, days]);
  assert.deepEqual(copies, days.map((day) => `copy ${day}`));
  assert.equal(gaveUp, 1);
});

Deno.test("doWork() joins nobody where the table has one session for all, and does not speak of it", async () => {
  const days = daysOf(5);
  const table = tableOf(days, { share: () => Promise.resolve(undefined) });
  const refuse = () => Promise.reject(new Error("it was asked"));
  const { notes, ended } = await work({
    threads: [threadOf({ join: refuse }), threadOf({ join: refuse })],
    days,
    table,
  });
  assert.deepEqual([notes, ended], [[], days]);
});

Deno.test("doWork() leaves the table to the one thread that joins", async () => {
  const days = daysOf(30);
  const one = readingThread();
  const others = [readingThread({ join: () => Promise.resolve(false) }), readingThread({ join: never })];
  const threads = [others[0], one, others[1]].map(({ thread }) => thread);
  const { notes, ended, files } = await work({ threads, days, files: days });
  assert.deepEqual([notes, ended, one.read, files], [[], days, days, days]);
  assert.deepEqual(others.map(({ read }) => read.length), [0, 0]);
});

Deno.test("doWork() does not wait for a session that would have nothing to do any more", async () => {
  const days = daysOf(3);
  const start = performance.now();
  await work({ threads: [readingThread().thread, threadOf({ join: never })], days });
  assert.ok(performance.now() - start < 2000);
});

Deno.test("doWork() waits for the sessions of all threads that have joined to end", async () => {
  const days = daysOf(2);
  const left: number[] = [];
  const thread = (n: number) =>
    threadOf({
      async leave() {
        await turns(30 * n);
        left.push(n);
      },
    });
  await work({ threads: [thread(1), thread(2)], days });
  assert.deepEqual(left, [1, 2]);
});

Deno.test("doWork() ends with the signal's reason before and while threads join, read or are fed", async () => {
  const [join, alone] = [never, () => Promise.resolve(false)];
  const given: [string, Partial<Thread>, Partial<TableSource>][] = [
    ["joining", { join }, {}],
    ["reading", { readTable: never }, {}],
    ["leaving", { leave: never }, {}],
    ["receiving", { join: alone }, { read: never }],
    ["being given", { join: alone, give: never }, {}],
    ["ending", { join: alone, end: never }, {}],
  ];
  for (const isEarly of [true, false]) {
    for (const [at, [name, thread, table]] of [...given, ...given].entries()) {
      const days = daysOf(at < given.length ? 3 : 1);
      const interrupt = new AbortController();
      const { signal } = interrupt;
      if (isEarly) interrupt.abort("enough");
      const threads = [threadOf(thread), threadOf(thread)];
      const working = work({ threads, days, table: tableOf(days, table), signal });
      const ended = assert.rejects(working, (reason) => reason === "enough", name);
      await turns(5);
      interrupt.abort("enough");
      await ended;
    }
  }
});

Deno.test("doWork() ends with the first failure of a thread, whatever the others do", async () => {
  const error = new Error("no");
  const [fail, alone] = [() => Promise.reject(error), () => Promise.resolve(false)];
  const given: [string, Partial<Thread>, Partial<TableSource>][] = [
    ["joining", { join: fail }, {}],
    ["reading", { readTable: fail }, {}],
    ["leaving", { leave: fail }, {}],
    ["sharing", {}, { share: fail }],
    ["receiving", { join: alone }, { read: fail }],
    ["being given", { join: alone, give: fail }, {}],
    ["ending", { join: alone, end: fail }, {}],
    ["files", { readFiles: fail }, {}],
  ];
  const days = daysOf(3);
  for (const [name, thread, table] of given) {
    const other = threadOf(thread.join === alone ? { join: alone } : { join: never });
    const readFiles = name === "files" ? fail : undefined;
    const threads = [threadOf(thread), other];
    const working = work({ threads, days, files: days, table: tableOf(days, table), readFiles });
    await assert.rejects(working, error, name);
  }
});
