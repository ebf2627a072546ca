import type { Column, Dataset } from "../dataset/dataset.ts";
import { type Day, nextDay } from "../dataset/day.ts";
import type { DayRange } from "../dataset/source.ts";
import { DAY_MINUTES } from "./segments.ts";

/** SQL for the column that gives the day within a range of days. */
export function rangeCondition({ day }: Dataset, { since, until }: DayRange): string {
  const bounds = [];
  if (since) bounds.push(`c."${day.name}" >= ${firstOf(day, since)}`);
  if (until) bounds.push(`c."${day.name}" < ${firstOf(day, nextDay(until))}`);
  return bounds.join(" and ") || "true";
}

/** SQL for a day's first value. */
export function firstOf({ layout }: Column, day: string): string {
  return layout === "date" ? `'${day}'` : `'${day} 00:00:00+00'`;
}

/** SQL for the value of the day's column at a minute of a day. */
export function boundOf({ day: column }: Dataset, day: Day, minute: number): string {
  if (minute === 0) return firstOf(column, day);
  if (minute === DAY_MINUTES) return firstOf(column, nextDay(day));
  const [hours, minutes] = [Math.floor(minute / 60), minute % 60].map((part) => `${part}`.padStart(2, "0"));
  return `'${day} ${hours}:${minutes}:00+00'`;
}
