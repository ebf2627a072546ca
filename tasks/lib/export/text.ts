import type { ExportOutcome } from "./run.ts";

/** One line about what an export has done. */
export function formatOutcome(outcome: ExportOutcome): string {
  const { lane, place, files, rows, sizeBytes, removedDays, plan, generation } = outcome;
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${count(plan.unchanged + plan.writes.length, "day")} in ${place}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${count(removedDays, "day")}`;
  const snapshot = generation === undefined ? "" : ` as snapshot ${generation}`;
  const megabytes = (sizeBytes / 1e6).toFixed(1);
  return `Exported ${count(rows, "row")} in ${
    count(files, "file")
  } (${megabytes} MB) to ${place}${snapshot}${removed}, ` +
    `${count(plan.unchanged, "day")} unchanged`;
}

/** A plan, a line a day. */
export function formatPlan({ lane, plan: { writes, unchanged } }: ExportOutcome): string[] {
  const lines = writes.map(({ day, reason, rows }) =>
    `  ${day}  ${reason.padEnd(9)} ${count(rows.postgres + rows.sqlite, "row")}`
  );
  return [`Plan for lane ${lane}: write ${count(writes.length, "day")}, leave ${count(unchanged, "day")}`, ...lines];
}

/** Plans or outcomes of lanes as JSON. */
export function toJson(outcomes: readonly ExportOutcome[]): string {
  const lanes = outcomes.map(({ plan, place, isRemote, seconds, ...rest }) => {
    const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
    const where = isRemote ? { url: place, seconds } : { directory: place };
    return { ...rest, ...where, unchangedDays: plan.unchanged, days };
  });
  return JSON.stringify({ lanes });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
