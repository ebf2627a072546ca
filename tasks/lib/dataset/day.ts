/** A UTC day as YYYY-MM-DD, years 0001 to 9999; days compare as text. */
export type Day = string;

/** Microseconds of one day. */
export const DAY_MICROS = 86_400_000_000n;

/** Whether a text is a day of the calendar. */
export function isDay(text: string): text is Day {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text < "0001-01-01") return false;
  return !Number.isNaN(Date.parse(text)) && dayOf(startOf(text)) === text;
}

/** The day that holds an instant, given in microseconds since 1970. */
export function dayOf(micros: bigint): Day {
  const days = micros / DAY_MICROS - (micros % DAY_MICROS < 0n ? 1n : 0n);
  return new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);
}

/** First instant of a day, in microseconds since 1970. */
export function startOf(day: Day): bigint {
  return BigInt(Date.parse(`${day}T00:00:00Z`)) * 1000n;
}

/** The day after; "10000-01-01" after the last one, which is no Day but still a valid bound in SQL. */
export function nextDay(day: Day): string {
  if (day === "9999-12-31") return "10000-01-01";
  return dayOf(startOf(day) + DAY_MICROS);
}
