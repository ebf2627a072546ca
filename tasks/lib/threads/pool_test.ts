import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import type { Hint, RunEvent, ThreadReply, ThreadRequest } from "./messages.ts";
import { openThreadPool, type Thread, type ThreadPool } from "./pool.ts";
import { openWorkers, type Workers } from "./workers.ts";

/** A worker that answers when the test says so; what it is sent stays in order. */
class StubWorker {
  onmessage: ((event: MessageEvent<ThreadReply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  ended = false;
  readonly sent: (ThreadRequest | Hint)[] = [];
  readonly transferred: Transferable[] = [];

  postMessage(request: ThreadRequest | Hint, transfer: unknown): void {
    this.sent.push(request);
    this.transferred.push(...transfer as Transferable[]);
  }

  terminate(): void {
    this.ended = true;
  }

  /** Answers, the oldest request without an answer first. */
  answer(...replies: readonly ThreadReply[]): void {
    for (const data of replies) this.onmessage!(new MessageEvent("message", { data }));
  }

  die(): void {
    this.onerror!(new ErrorEvent("error", { message: "out of memory" }));
  }

  kinds(): string[] {
    return this.sent.map(({ kind }) => kind);
  }
}

const DONE: ThreadReply = { kind: "done" };
const FAILED: ThreadReply = { kind: "failed", message: "Cannot write Parquet: no" };
const GROUP = { path: "f", start: 4, end: 8, footer: new Uint8Array(0) };
const RUN = { sql: "copy", segments: [] };
const FILES = { kind: "sqlite", groups: [], isRead: true, stored: [] } as const;
const SNAPSHOT = {
  target: { kind: "server", label: "here", host: "h", port: 1, user: "u", database: "d", tls: false, local: true },
  id: "1",
  table: "t",
  idleMs: 1,
  startMs: 1,
} as unknown as Parameters<Thread["join"]>[0];

function openStubs(): { workers: Workers; stubs: StubWorker[] } {
  const stubs: StubWorker[] = [];
  return { workers: openWorkers(() => stubs[stubs.push(new StubWorker()) - 1]), stubs };
}

function openPoolOf(workers: Workers, threads: number): ThreadPool {
  return openThreadPool({ writer: { dataset: CHECKS, rowKey: "" }, skipBadRows: false, threads, workers });
}

function openPool(threads = 2): { pool: ThreadPool; stubs: StubWorker[] } {
  const { workers, stubs } = openStubs();
  return { pool: openPoolOf(workers, threads), stubs };
}

/** "waiting" until a promise settles, then what came of it. */
function watch(work: Promise<unknown>): { state: string } {
  const seen = { state: "waiting" };
  work.then(() => seen.state = "done", (error) => seen.state = error.message);
  return seen;
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

const ignore = () => {};

Deno.test("take() starts as many threads as are asked for, no more than there may be, and none twice", () => {
  const { pool, stubs } = openPool(3);
  assert.deepEqual(pool.take(0), []);
  assert.equal(stubs.length, 0);
  const [first] = pool.take(1);
  assert.equal(stubs.length, 1);
  const all = pool.take(50);
  assert.deepEqual([stubs.length, all.length, all[0]], [3, 3, first]);
  assert.deepEqual(pool.take(2), all.slice(0, 2));
  assert.deepEqual(stubs.map((stub) => stub.kinds()), [["open"], ["open"], ["open"]]);
  pool[Symbol.dispose]();
  assert.ok(stubs.every(({ ended }) => ended));
});

Deno.test("a pool's threads that have nothing to do are the next one's; those that wait or have failed end with it", () => {
  const { workers, stubs } = openStubs();
  const pool = openPoolOf(workers, 4);
  const [, waiting] = pool.take(4);
  waiting.join(SNAPSHOT).catch(ignore);
  for (const stub of stubs) stub.answer(DONE);
  stubs[2].die();
  pool[Symbol.dispose]();
  assert.deepEqual(stubs.map(({ ended }) => ended), [false, true, true, false]);
  const next = openPoolOf(workers, 3);
  next.take(3);
  assert.equal(stubs.length, 5);
  assert.deepEqual(stubs.map((stub) => stub.kinds()), [
    ["open", "open"],
    ["open", "join"],
    ["open"],
    ["open", "open"],
    ["open"],
  ]);
  stubs[0].answer(DONE);
  next[Symbol.dispose]();
  assert.equal(stubs[0].ended, false);
  workers[Symbol.dispose]();
  assert.ok(stubs.every(({ ended }) => ended));
});

for (const kind of ["duckdb", "direct"] as const) {
  Deno.test(`startAhead() starts workers that will write by ${kind}, which are taken before any other`, async () => {
    const { workers, stubs } = openStubs();
    workers.startAhead(2, kind);
    assert.equal(stubs.length, 2);
    await workers.code();
    await turn();
    openPoolOf(workers, 3).take(3);
    assert.deepEqual(stubs.map((stub) => stub.kinds()), [["ahead", "open"], ["ahead", "open"], ["open"]]);
    const hints = stubs.map(({ sent: [first] }) => first.kind === "ahead" && first.code instanceof WebAssembly.Module);
    assert.deepEqual(hints, [kind === "duckdb", kind === "duckdb", false]);
    workers[Symbol.dispose]();
  });
}

Deno.test("supersede() reaches threads that run and those that start later, before anything else", () => {
  const { pool, stubs } = openPool();
  pool.take(1);
  pool.supersede(["a"]);
  pool.take(2)[1].readFiles(FILES, ignore);
  assert.deepEqual(stubs.map((stub) => stub.kinds()), [["open", "supersede"], ["open", "supersede", "files"]]);
  pool[Symbol.dispose]();
});

for (
  const [name, fail, finding] of [
    ["fails", (stub: StubWorker) => stub.answer(FAILED), "Cannot write Parquet: no"],
    ["dies", (stub: StubWorker) => stub.die(), "The Parquet thread died: out of memory"],
  ] as const
) {
  Deno.test(`a thread that ${name} leaves nobody waiting, and takes no more`, async () => {
    const { pool, stubs } = openPool();
    const [thread] = pool.take(1);
    const heard: RunEvent[] = [];
    const onEvent = (event: RunEvent) => void heard.push(event);
    const waiting = [
      thread.join(SNAPSHOT),
      thread.keysOf(GROUP),
      thread.readTable(RUN, onEvent),
      thread.readFiles(FILES, onEvent),
      thread.give(new Uint8Array(1), onEvent),
      thread.end(onEvent),
      thread.leave(),
    ].map(watch);
    await turn();
    assert.deepEqual(waiting.map(({ state }) => state), Array(7).fill("waiting"));
    fail(stubs[0]);
    await turn();
    assert.deepEqual(waiting.map(({ state }) => state), Array(7).fill(finding));
    const sent = stubs[0].sent.length;
    thread.expect([]);
    await assert.rejects(thread.give(new Uint8Array(1), onEvent), { message: finding });
    await assert.rejects(thread.readTable(RUN, onEvent), { message: finding });
    assert.equal(stubs[0].sent.length, sent);
    // Answers that were on their way find nobody.
    stubs[0].answer({ kind: "read", rows: 1 }, DONE, FAILED);
    stubs[0].die();
    assert.deepEqual(heard, []);
    pool[Symbol.dispose]();
  });
}

Deno.test("a foreseen failure of a thread stays one with its exit code, and a death does not look like one", async () => {
  const { pool, stubs } = openPool(3);
  const ends = pool.take(3).map((thread) => thread.leave().catch(({ name, exitCode }) => [name, exitCode]));
  stubs[0].answer(FAILED);
  stubs[1].answer({ ...FAILED, exitCode: 3 });
  stubs[2].die();
  assert.deepEqual(await Promise.all(ends), [["TaskError", 1], ["TaskError", 3], ["Error", undefined]]);
  pool[Symbol.dispose]();
});

Deno.test("what a thread tells goes to the request that it is at", async () => {
  const { pool, stubs } = openPool();
  const [thread] = pool.take(1);
  const heard: [string, number][] = [];
  const listen = (name: string) => (event: RunEvent) => void (event.kind === "read" && heard.push([name, event.rows]));
  const [table, files] = [
    watch(thread.readTable(RUN, listen("table"))),
    watch(thread.readFiles(FILES, listen("files"))),
  ];
  stubs[0].answer(DONE, { kind: "read", rows: 1 }, { kind: "read", rows: 2 });
  await turn();
  assert.deepEqual([table.state, files.state], ["waiting", "waiting"]);
  stubs[0].answer(DONE, { kind: "read", rows: 3 });
  await turn();
  assert.deepEqual([table.state, files.state], ["done", "waiting"]);
  stubs[0].answer(DONE);
  await turn();
  assert.equal(files.state, "done");
  assert.deepEqual(heard, [["table", 1], ["table", 2], ["files", 3]]);
  pool[Symbol.dispose]();
});

Deno.test("join() tells whether there is a session, keysOf() gives keys, give() moves its memory", async () => {
  const { pool, stubs } = openPool();
  const [thread] = pool.take(1);
  const block = new Uint8Array(8);
  const answers = [thread.join(SNAPSHOT), thread.join(SNAPSHOT), thread.keysOf(GROUP), thread.give(block, ignore)];
  stubs[0].answer(DONE, { ...DONE, joined: false }, { ...DONE, joined: true }, { ...DONE, keys: ["a"] }, DONE);
  assert.deepEqual(await Promise.all(answers), [false, true, ["a"], undefined]);
  assert.deepEqual(stubs[0].transferred, [block.buffer]);
  pool[Symbol.dispose]();
});
