import type { Day } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";

/** Rows of one row group at most: a thread's memory holds one. */
export const MAX_GROUP_ROWS = 32_768;

/** Minutes of a day. */
export const DAY_MINUTES = 1440;

/** Rows of a part of a day: its first minute, and how many. */
export type MinuteCount = readonly [minute: number, rows: number];

/** A day's rows as segments of about one row group each; they end where a part ends. */
export function cutDay(day: Day, parts: readonly MinuteCount[]): Segment[] {
  const rows = parts.reduce((sum, [, more]) => sum + more, 0);
  const aim = rows / Math.ceil(rows / MAX_GROUP_ROWS);
  const segments: Segment[] = [];
  let [from, count, total] = [0, 0, 0];
  const end = (until: number) => {
    segments.push({ day, minutes: [from, until], rows: count });
    [from, count] = [until, 0];
  };
  for (const [minute, more] of parts) {
    const isFull = count + more > MAX_GROUP_ROWS || total >= aim * (segments.length + 1);
    if (count > 0 && isFull) end(minute);
    count += more;
    total += more;
  }
  end(DAY_MINUTES);
  return segments;
}

/** Rows of each row group that so many rows make: all of about one size, which needs the least memory. Few have room for
 * more. */
export function groupRows(rows: number): number {
  return rows > MAX_GROUP_ROWS ? Math.ceil(rows / Math.ceil(rows / MAX_GROUP_ROWS)) : MAX_GROUP_ROWS;
}
