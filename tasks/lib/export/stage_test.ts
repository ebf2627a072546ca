import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import type { ChunkPool, ChunkThread } from "../parquet/pool.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import type { DayPlan } from "./plan.ts";
import type { Source } from "../dataset/source.ts";
import { stageDays, type StageOptions } from "./stage.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

/** Days of one block each. */
function daysOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => new Date(86_400_000 * n).toISOString().slice(0, 10));
}

function planOf(day: string): DayPlan {
  const rows = { postgres: 1, sqlite: 0 };
  return { day, reason: "new", kinds: ["postgres"], rows, kept: [], isCurrent: false };
}

/** A source of one block a day, and whether it was closed. */
function sourceOf(days: readonly string[]): { source: Source; seen: { closed: boolean } } {
  const seen = { closed: false };
  const source: Source = {
    kind: "postgres",
    key: "postgres",
    identity: "one",
    partial: false,
    days: new Map(days.map((day) => [day, { rows: 1, fingerprint: "1" }])),
    supersedes: [],
    async *blocks(wanted) {
      try {
        for (const day of wanted) yield { day, tuples: new Uint8Array(1), rows: 1 };
      } finally {
        seen.closed = true;
      }
    },
  };
  return { source, seen };
}

/** A pool of one thread, which does what it is told and else nothing. */
function poolOf(thread: Partial<ChunkThread>): ChunkPool {
  const never = () => new Promise<never>(() => {});
  const whole: ChunkThread = {
    addTuples: never,
    addKept: () => {},
    countSuperseded: never,
    keysOf: never,
    finish: never,
    ...thread,
  };
  return { next: () => whole, supersede: () => {}, [Symbol.dispose]: () => {} };
}

function optionsOf(pool: ChunkPool, signal: AbortSignal): StageOptions {
  return {
    directory: "/nowhere",
    pool,
    dataset: CHECKS,
    metadata: new Map(),
    missingOnly: false,
    signal,
    onRows: () => {},
  };
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

Deno.test("stageDays() begins no more than sixteen days before their files are through", async () => {
  const days = daysOf(300);
  let [open, most, total] = [0, 0, 0];
  const through: (() => void)[] = [];
  const thread: Partial<ChunkThread> = {
    addTuples: () => Promise.resolve(),
    async finish() {
      total++;
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => through.push(resolve));
      open--;
      return { badRows: [] };
    },
  };
  const { source } = sourceOf(days);
  const staged = stageDays(days.map(planOf), [source], optionsOf(poolOf(thread), new AbortController().signal));
  await turns();
  assert.equal(total, 16);
  let ended = false;
  staged.finally(() => ended = true);
  while (!ended) {
    through.splice(0).forEach((resolve) => resolve());
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert.deepEqual([(await staged).map(({ day }) => day), total, most], [days, 300, 16]);
});

Deno.test("stageDays() ends with the signal's reason before anything is sent, and closes its sources", async () => {
  const { source, seen } = sourceOf(daysOf(2));
  const staged = stageDays(daysOf(2).map(planOf), [source], optionsOf(poolOf({}), AbortSignal.abort("enough")));
  await assert.rejects(staged, (reason) => reason === "enough");
  assert.ok(seen.closed);
});

Deno.test("stageDays() ends with the signal's reason while it waits for a thread or for a file", async () => {
  for (const thread of [{}, { addTuples: () => Promise.resolve() }]) {
    const interrupt = new AbortController();
    const { source, seen } = sourceOf(daysOf(2));
    const staged = stageDays(daysOf(2).map(planOf), [source], optionsOf(poolOf(thread), interrupt.signal));
    await turns();
    interrupt.abort("enough");
    await assert.rejects(staged, (reason) => reason === "enough");
    assert.ok(seen.closed);
  }
});

Deno.test("stageDays() writes nothing any more once it has ended", async () => {
  const directory = await Deno.makeTempDir({ prefix: "heretix-stage-" });
  try {
    const [day] = daysOf(1);
    await Deno.mkdir(`${directory}/dt=${day}`);
    db.run("copy (select now() as created_at) to 'memory/chunk.parquet' (format parquet)");
    const chunk = { rows: { postgres: 1 }, sha256: "", bytes: db.fileBytes("chunk.parquet").slice() };
    const late = Promise.withResolvers<Awaited<ReturnType<ChunkThread["finish"]>>>();
    const interrupt = new AbortController();
    const thread: Partial<ChunkThread> = { addTuples: () => Promise.resolve(), finish: () => late.promise };
    const options = { ...optionsOf(poolOf(thread), interrupt.signal), directory };
    const staged = stageDays([planOf(day)], [sourceOf([day]).source], options);
    await turns();
    interrupt.abort("enough");
    await assert.rejects(staged, (reason) => reason === "enough");
    late.resolve({ chunk, badRows: [] });
    await turns();
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${directory}/dt=${day}`)), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
