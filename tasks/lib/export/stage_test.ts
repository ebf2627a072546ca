import assert from "node:assert/strict";
import { join } from "node:path";
import { CHECKS } from "../../../tests/support/checks.ts";
import { daysOf, END, never, poolOf, tableOf, threadOf } from "../../../tests/support/threads.ts";
import type { SentChunk } from "../parquet/sent_chunk.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { footerOf } from "../parquet/footer.ts";
import { sha256 } from "../task/digest.ts";
import type { TableRun } from "../threads/messages.ts";
import type { Thread, ThreadPool } from "../threads/pool.ts";
import type { DayPlan } from "./plan.ts";
import { stageDays, type StageOptions } from "./stage.ts";

// Opened outside the tests: the library leaves a message port open when it is first used.
const db = await openDuckDb();

/** A verified chunk of one row. */
const CHUNK: SentChunk = (() => {
  db.run("copy (select now() as created_at) to 'memory/chunk.parquet' (format parquet)");
  const bytes = db.fileBytes("chunk.parquet").slice();
  const [{ start, end }] = footerOf(bytes).groups;
  return { rows: { postgres: 1 }, sha256: sha256(bytes.subarray(start, end)), bytes };
})();

function planOf(day: string): DayPlan {
  const rows = { postgres: 1, sqlite: 0 };
  return { day, reason: "new", kinds: ["postgres"], rows, kept: [], isCurrent: false };
}

function optionsOf(pool: ThreadPool, directory: string, signal = new AbortController().signal): StageOptions {
  return {
    directory,
    pool,
    dataset: CHECKS,
    metadata: new Map(),
    missingOnly: false,
    signal,
    onRows: () => {},
    note: () => {},
  };
}

/** Gives `use` a lane with a directory for each day, and what it holds in the end. */
async function withLane(days: readonly string[], use: (directory: string) => Promise<void>): Promise<string[]> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-stage-" });
  try {
    for (const day of days) await Deno.mkdir(join(directory, `dt=${day}`));
    await use(directory);
    const found: string[] = [];
    for (const day of days) {
      for await (const { name } of Deno.readDir(join(directory, `dt=${day}`))) found.push(`${day}/${name}`);
    }
    return found.sort();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A thread that gives each segment one row group. */
const writing = (parts: Partial<Thread> = {}) =>
  threadOf({
    async readTable({ segments }: TableRun, onEvent) {
      await Promise.resolve();
      for (const _ of segments) {
        onEvent({ kind: "chunk", chunk: { ...CHUNK, bytes: CHUNK.bytes.slice() } });
        onEvent(END);
      }
    },
    ...parts,
  });

const turns = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("stageDays() gives all days in their order, each with a file of its row groups", async () => {
  const days = daysOf(100);
  await withLane(days, async (directory) => {
    const staged = await stageDays(
      days.map(planOf),
      [tableOf(days)],
      optionsOf(poolOf(writing(), writing()), directory),
    );
    assert.deepEqual(staged.map(({ day }) => day), days);
    assert.ok(staged.every(({ rows, read, file }) => rows.postgres === 1 && read.postgres === 1 && file !== undefined));
  });
});

Deno.test("stageDays() takes on no more while sixteen days wait for the disk", async () => {
  const days = daysOf(200);
  await withLane(days, async (directory) => {
    // A disk that makes no file until it is told to.
    let [taken, ended] = [0, 0];
    const gates: (() => void)[] = [];
    const open = Deno.open;
    Deno.open = async (...args) => {
      if (ended < days.length) await new Promise<void>((resolve) => gates.push(resolve));
      return await open(...args);
    };
    try {
      const thread = writing();
      const readTable: Thread["readTable"] = async (run, onEvent) => {
        taken += run.segments.length;
        await thread.readTable(run, onEvent);
      };
      const pool = poolOf(threadOf({ ...thread, readTable }));
      const table = tableOf(days, {
        segments: (wanted) => wanted.map((day) => ({ day, minutes: [0, 1440], rows: 1000 })),
      });
      const staging = stageDays(days.map(planOf), [table], optionsOf(pool, directory));
      await turns(50);
      assert.ok(taken < days.length && taken >= 16, `${taken} days were taken`);
      const before = taken;
      await turns(50);
      assert.equal(taken, before);
      ended = days.length;
      while (gates.length > 0) {
        gates.splice(0).forEach((resolve) => resolve());
        await turns(1);
      }
      assert.equal((await staging).length, days.length);
      assert.equal(taken, days.length);
    } finally {
      Deno.open = open;
    }
  });
});

Deno.test("stageDays() ends with the signal's reason before and while threads read", async () => {
  const days = daysOf(2);
  const given: [string, Partial<Thread>][] = [
    ["joining", { join: never }],
    ["reading", { readTable: never }],
    ["between two days", {
      async readTable(_, onEvent) {
        onEvent({ kind: "chunk", chunk: CHUNK });
        onEvent(END);
        await never();
      },
    }],
  ];
  for (const isEarly of [true, false]) {
    for (const [name, thread] of given) {
      const found = await withLane(days, async (directory) => {
        const interrupt = new AbortController();
        if (isEarly) interrupt.abort("enough");
        const options = optionsOf(poolOf(writing(thread)), directory, interrupt.signal);
        const ended = assert.rejects(
          stageDays(days.map(planOf), [tableOf(days)], options),
          (reason) => reason === "enough",
        );
        await turns(5);
        interrupt.abort("enough");
        await ended;
      });
      // An unfinished file is the lane's to remove.
      assert.ok(found.every((path) => path.endsWith(".part")), `${name}: ${found}`);
    }
  }
});

Deno.test("stageDays() writes nothing any more once it has ended", async () => {
  const [day] = daysOf(1);
  const found = await withLane([day], async (directory) => {
    const late = Promise.withResolvers<void>();
    const interrupt = new AbortController();
    const thread = writing({
      async readTable(_, onEvent) {
        await late.promise;
        onEvent({ kind: "chunk", chunk: CHUNK });
        onEvent(END);
      },
    });
    const options = optionsOf(poolOf(thread), directory, interrupt.signal);
    const staging = stageDays([planOf(day)], [tableOf([day])], options);
    const ended = assert.rejects(staging, (reason) => reason === "enough");
    await turns();
    interrupt.abort("enough");
    await ended;
    late.resolve();
    await turns();
  });
  assert.deepEqual(found, []);
});

Deno.test("stageDays() ends with the failure of a thread, and with that of the disk", async () => {
  const days = daysOf(3);
  const found = await withLane(days, async (directory) => {
    const error = new Error("no");
    const failing = threadOf({ readTable: () => Promise.reject(error) });
    const plans = days.map(planOf);
    await assert.rejects(stageDays(plans, [tableOf(days)], optionsOf(poolOf(writing(), failing), directory)), error);
  });
  assert.ok(found.every((path) => path.endsWith(".part")), `${found}`);
  await withLane(days, async (directory) => {
    // A thread that never ends: nobody waits for it.
    const endless = writing({
      async readTable({ segments }, onEvent) {
        for (const _ of segments) onEvent({ kind: "chunk", chunk: CHUNK });
        await never();
      },
    });
    await Deno.remove(join(directory, `dt=${days[0]}`));
    const staging = stageDays(days.map(planOf), [tableOf(days)], optionsOf(poolOf(endless), directory));
    await assert.rejects(staging, /^TaskError: Cannot (write|replace) /);
    await Deno.mkdir(join(directory, `dt=${days[0]}`));
  });
});
