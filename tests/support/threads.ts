import type { Segment, SharedSnapshot, TableSource, TakeMessage } from "../../tasks/lib/dataset/source.ts";
import type { RunEvent, TableRun } from "../../tasks/lib/threads/messages.ts";
import type { Thread, ThreadPool } from "../../tasks/lib/threads/pool.ts";

/** UTC days from 1970-01-01 on. */
export function daysOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => new Date(86_400_000 * n).toISOString().slice(0, 10));
}

/** Never resolves. */
export const never = (): Promise<never> => new Promise(() => {});

/** What a thread tells of a segment that it has read. */
export const END: RunEvent = { kind: "segment", result: { rows: 1, sha256: "", badRows: [] } };

/** A thread that does what it is told, and else joins, reads each segment at once without a row, and leaves. */
export function threadOf(parts: Partial<Thread> = {}): Thread {
  return {
    ready: () => Promise.resolve(),
    join: () => Promise.resolve(true),
    keysOf: never,
    async readTable({ segments }: TableRun, onEvent: (event: RunEvent) => void) {
      await Promise.resolve();
      for (const _ of segments) onEvent(END);
    },
    readFiles: (_, onEvent) => Promise.resolve(onEvent(END)),
    expect: () => {},
    give: () => Promise.resolve(),
    end: (onEvent) => Promise.resolve(onEvent(END)),
    leave: () => Promise.resolve(),
    ...parts,
  };
}

/** A pool of these threads. */
export function poolOf(...threads: readonly Thread[]): ThreadPool {
  return { take: (count) => threads.slice(0, count), supersede: () => {}, [Symbol.dispose]: () => {} };
}

const SNAPSHOT = { id: "1", table: "t", idleMs: 1, startMs: 1 } as SharedSnapshot;

/** A table of some days, a segment of one row each; `read` gives a COPY's messages on its own session. */
export function tableOf(days: readonly string[], parts: Partial<TableSource> = {}): TableSource {
  return {
    kind: "postgres",
    key: "postgres",
    identity: "one",
    partial: false,
    days: new Map(days.map((day) => [day, { rows: 1, fingerprint: "1" }])),
    segments: (wanted) => wanted.map((day): Segment => ({ day, minutes: [0, 1440], rows: 1 })),
    copySql: (segments) => `copy ${segments.map(({ day }) => day).join(" ")}`,
    async read(_sql, take: TakeMessage) {
      await take(new Uint8Array(2), 0, 2);
    },
    share: () => Promise.resolve(SNAPSHOT),
    keepToItself: () => {},
    ...parts,
  };
}
