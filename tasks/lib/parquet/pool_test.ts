import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import { createBlockPool } from "../copy/block_pool.ts";
import type { ChunkReply, ChunkRequest } from "./messages.ts";
import { type ChunkPool, openChunkPool } from "./pool.ts";

/** A thread that answers when the test says so; what it is sent stays in order. */
class StubThread {
  onmessage: ((event: MessageEvent<ChunkReply>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  ended = false;
  readonly sent: ChunkRequest[] = [];

  postMessage(request: ChunkRequest): void {
    this.sent.push(request);
  }

  terminate(): void {
    this.ended = true;
  }

  /** Answers the oldest messages that have no answer yet. */
  answer(...replies: readonly ChunkReply[]): void {
    for (const data of replies) this.onmessage!(new MessageEvent("message", { data }));
  }

  die(): void {
    this.onerror!(new ErrorEvent("error", { message: "out of memory" }));
  }

  kinds(): string[] {
    return this.sent.map(({ kind }) => kind);
  }
}

const DONE: ChunkReply = { kind: "done" };
const FAILED: ChunkReply = { kind: "failed", message: "Cannot write Parquet: no" };
const GROUP = { path: "f", start: 4, end: 8, footer: new Uint8Array(0) };

function openPool(threads = 2): { pool: ChunkPool; stubs: StubThread[] } {
  const stubs: StubThread[] = [];
  const pool = openChunkPool({
    code: new WebAssembly.Module(Uint8Array.fromHex("0061736d01000000")),
    writer: { dataset: CHECKS, rowKey: "" },
    skipBadRows: false,
    blocks: createBlockPool(),
    threads,
    startWorker: () => stubs[stubs.push(new StubThread()) - 1],
  });
  return { pool, stubs };
}

/** "waiting" until a promise settles, then what came of it. */
function watch(work: Promise<unknown>): { state: string } {
  const seen = { state: "waiting" };
  work.then(() => seen.state = "done", (error) => seen.state = error.message);
  return seen;
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

const block = (megabytes: number) => new Uint8Array(megabytes * 1024 * 1024);

Deno.test("addTuples() lets its sender wait while too much is under way to the thread", async () => {
  const { pool, stubs } = openPool();
  const thread = pool.next();
  const first = watch(thread.addTuples(block(2)));
  await turn();
  assert.equal(first.state, "done", "there is room for more");
  const second = watch(thread.addTuples(block(2)));
  await turn();
  assert.equal(second.state, "waiting");
  stubs[0].answer(DONE);
  await turn();
  assert.equal(second.state, "waiting", "the answer was to the thread's start");
  stubs[0].answer({ kind: "done", block: new ArrayBuffer(8) });
  await turn();
  assert.equal(second.state, "done");
  pool[Symbol.dispose]();
});

for (
  const [name, fail, finding] of [
    ["fails", (stub: StubThread) => stub.answer(FAILED), "Cannot write Parquet: no"],
    ["dies", (stub: StubThread) => stub.die(), "The Parquet thread died: out of memory"],
  ] as const
) {
  Deno.test(`a thread that ${name} leaves nobody waiting, and takes no more`, async () => {
    const { pool, stubs } = openPool();
    const thread = pool.next();
    const waiting = [
      thread.addTuples(block(4)),
      thread.countSuperseded(GROUP),
      thread.keysOf(GROUP),
      thread.finish(),
    ].map(watch);
    await turn();
    assert.deepEqual(waiting.map(({ state }) => state), Array(4).fill("waiting"));
    fail(stubs[0]);
    await turn();
    assert.deepEqual(waiting.map(({ state }) => state), Array(4).fill(finding));
    const sent = stubs[0].sent.length;
    thread.addKept(GROUP, "sqlite");
    await assert.rejects(thread.addTuples(block(1)), { message: finding });
    await assert.rejects(thread.finish(), { message: finding });
    assert.equal(stubs[0].sent.length, sent);
    // Answers that were on their way find nobody.
    stubs[0].answer(DONE, FAILED);
    pool[Symbol.dispose]();
  });
}

Deno.test("a foreseen failure of a thread stays one, and a death does not look like one", async () => {
  const { pool, stubs } = openPool();
  const [failing, dying] = [pool.next(), pool.next()];
  const ends = [failing.finish(), dying.finish()].map((end) => end.catch((error) => error.name));
  stubs[0].answer(FAILED);
  stubs[1].die();
  assert.deepEqual(await Promise.all(ends), ["TaskError", "Error"]);
  pool[Symbol.dispose]();
});

Deno.test("next() gives an idle thread, starts one where all are busy, and then takes the one with the least to do", async () => {
  const { pool, stubs } = openPool();
  const first = pool.next();
  const second = pool.next();
  assert.notEqual(first, second);
  second.addKept(GROUP, "sqlite");
  assert.equal(pool.next(), first);
  assert.equal(stubs.length, 2);
  stubs[1].answer(DONE, DONE);
  await turn();
  assert.equal(pool.next(), second, "it is idle");
  pool[Symbol.dispose]();
  assert.ok(stubs.every(({ ended }) => ended));
});

Deno.test("supersede() reaches threads that run and those that start later, before anything else", () => {
  const { pool, stubs } = openPool();
  pool.next();
  pool.supersede(["a"]);
  pool.next().addKept(GROUP, "sqlite");
  assert.deepEqual(stubs.map((stub) => stub.kinds()), [["open", "supersede"], ["open", "supersede", "kept"]]);
  pool[Symbol.dispose]();
});

Deno.test("finish() gives the chunk and the rows that were left out", async () => {
  const { pool, stubs } = openPool();
  const thread = pool.next();
  const chunk = { rows: { postgres: 1 }, sha256: "", bytes: new Uint8Array(1) };
  const badRows = [{ name: "a", source: "postgres", finding: "b" }];
  const [one, none] = [thread.finish(), thread.finish()];
  stubs[0].answer(DONE, { kind: "done", chunk, badRows }, DONE);
  assert.deepEqual(await one, { chunk, badRows });
  assert.deepEqual(await none, { chunk: undefined, badRows: [] });
  pool[Symbol.dispose]();
});
