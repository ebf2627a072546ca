import { nameOf, type Row } from "./answer.ts";

/** A day or a week of some rows. */
export interface Bin {
  /** Its begin, and that of the next one, UTC. */
  readonly from: Date;
  readonly to: Date;
  readonly rows: readonly Row[];
}

/** A bin's length. */
export type Step = "day" | "week";

const DAY_MS = 86_400_000;

/** Days from which on charts have a bin a week. */
const WEEKS_FROM_DAYS = 120;

/** The day of a row as charts have it. */
export function dayOf(value: string | null | undefined): Date {
  return new Date(`${nameOf(value).slice(0, 10)}T00:00:00Z`);
}

/** How fine a chart of these rows is: days, or weeks from 120 days on. */
export function stepOf(rows: readonly Row[]): Step {
  const days = rows.map(({ dt }) => dayOf(dt).getTime()).filter(Number.isFinite);
  const span = (days.reduce((a, b) => Math.max(a, b), 0) - days.reduce((a, b) => Math.min(a, b), Infinity)) / DAY_MS +
    1;
  return span >= WEEKS_FROM_DAYS ? "week" : "day";
}

/** Rows by the day or week of their `dt`, in order; weeks begin on Monday. */
export function toBins(rows: readonly Row[], step: Step): Bin[] {
  const bins = Map.groupBy(rows.filter(({ dt }) => dt !== null), ({ dt }) => startOf(dayOf(dt).getTime(), step));
  const lengthMs = step === "week" ? 7 * DAY_MS : DAY_MS;
  return [...bins].sort(([a], [b]) => a - b).map(([from, rows]) => ({
    from: new Date(from),
    to: new Date(from + lengthMs),
    rows,
  }));
}

function startOf(timeMs: number, step: Step): number {
  // The epoch was a Thursday.
  return step === "day" ? timeMs : timeMs - ((timeMs / DAY_MS + 3) % 7) * DAY_MS;
}

/** What is to be said of the ends of a chart. */
export function noteOfEnds(step: Step): string {
  return step === "week" ? " The first and the last week can be short." : "";
}

/** The rows of the last `days` days that any row has. */
export function lastDays(rows: readonly Row[], days: number): Row[] {
  const last = rows.reduce((day, { dt }) => (nameOf(dt) > day && dt !== null ? dt : day), "");
  const from = dayOf(last).getTime() - (days - 1) * DAY_MS;
  return rows.filter(({ dt }) => dayOf(dt).getTime() >= from);
}
