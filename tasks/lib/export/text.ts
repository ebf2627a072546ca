import { countOf } from "../task/plural.ts";
import type { ExportOutcome } from "./run.ts";

/** One line about what an export has done. */
export function formatOutcome({ lane, directory, files, rows, sizeBytes, removedDays, plan }: ExportOutcome): string {
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${countOf(plan.unchanged + plan.writes.length, "day")} in ${directory}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${countOf(removedDays, "day")}`;
  const megabytes = (sizeBytes / 1e6).toFixed(1);
  return `Exported ${countOf(rows, "row")} in ${countOf(files, "file")} (${megabytes} MB) to ${directory}${removed}, ` +
    `${countOf(plan.unchanged, "day")} unchanged`;
}

/** A plan, a line a day. */
export function formatPlan({ lane, plan: { writes, unchanged } }: ExportOutcome): string[] {
  const lines = writes.map(({ day, reason, rows }) =>
    `  ${day}  ${reason.padEnd(9)} ${countOf(rows.postgres + rows.sqlite, "row")}`
  );
  return [
    `Plan for lane ${lane}: write ${countOf(writes.length, "day")}, leave ${countOf(unchanged, "day")}`,
    ...lines,
  ];
}

/** Plans or outcomes of lanes as JSON. */
export function toJson(outcomes: readonly ExportOutcome[]): string {
  const lanes = outcomes.map(({ plan, ...rest }) => {
    const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
    return { ...rest, unchangedDays: plan.unchanged, days };
  });
  return JSON.stringify({ lanes });
}
