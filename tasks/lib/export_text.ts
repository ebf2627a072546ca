import type { ExportPlan } from "./export_plan.ts";
import type { ExportOutcome } from "./export_run.ts";

/** One line about what an export has done. */
export function formatOutcome({ lane, directory, files, rows, sizeBytes, removedDays, plan }: ExportOutcome): string {
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${count(plan.unchanged + plan.writes.length, "day")} in ${directory}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${count(removedDays, "day")}`;
  const megabytes = (sizeBytes / 1e6).toFixed(1);
  return `Exported ${count(rows, "row")} in ${count(files, "file")} (${megabytes} MB) to ${directory}${removed}, ` +
    `${count(plan.unchanged, "day")} unchanged`;
}

/** A plan, a line a day. */
export function formatPlan(lane: string, { writes, unchanged }: ExportPlan): string[] {
  const lines = writes.map(({ day, reason, rows }) =>
    `  ${day}  ${reason.padEnd(9)} ${count(rows.postgres + rows.sqlite, "row")}`
  );
  return [`Plan for lane ${lane}: write ${count(writes.length, "day")}, leave ${count(unchanged, "day")}`, ...lines];
}

/** A plan or an outcome as JSON. */
export function toJson(outcome: ExportOutcome): string {
  const { plan, ...rest } = outcome;
  const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
  return JSON.stringify({ ...rest, unchangedDays: plan.unchanged, days });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
