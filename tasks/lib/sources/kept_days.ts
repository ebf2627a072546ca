import type { Day } from "../dataset/day.ts";
interface DayBlock {
  readonly day: Day;
  readonly tuples: Uint8Array<ArrayBuffer>;
  readonly rows: number;
}

/** The last days of an ascending sequence of blocks, as many as fit into memory. */
export interface KeptDays {
  /** Keeps a block, and drops the oldest days that no longer fit beside it. */
  add(block: DayBlock): void;
  retain(wanted: readonly Day[]): void;
  has(day: Day): boolean;
  /** Gives the blocks of a day away. */
  take(day: Day): readonly DayBlock[];
}

/** Keeps at most so many bytes of tuples; a day that does not fit alone is dropped, too. */
export function createKeptDays(maxBytes: number): KeptDays {
  const days = new Map<Day, DayBlock[]>();
  let sizeBytes = 0;
  let dropped: Day = "";
  const take = (day: Day) => {
    const blocks = days.get(day) ?? [];
    days.delete(day);
    sizeBytes -= blocks.reduce((sum, { tuples }) => sum + tuples.length, 0);
    return blocks;
  };
  return {
    add(block) {
      if (block.day <= dropped) return;
      days.set(block.day, [...(days.get(block.day) ?? []), block]);
      sizeBytes += block.tuples.length;
      while (sizeBytes > maxBytes) {
        [dropped] = days.keys();
        take(dropped);
      }
    },
    retain(wanted) {
      const stay = new Set(wanted);
      for (const day of [...days.keys()]) if (!stay.has(day)) take(day);
    },
    has: (day) => days.has(day),
    take,
  };
}
