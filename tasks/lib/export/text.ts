import { countOf } from "../task/plural.ts";
import type { ExportOutcome } from "./run.ts";

/** One line about what an export has done. */
export function formatOutcome(outcome: ExportOutcome): string {
  const { lane, place, files, rows, sizeBytes, removedDays, plan, generation } = outcome;
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${countOf(plan.unchanged + plan.writes.length, "day")} in ${place}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${countOf(removedDays, "day")}`;
  const snapshot = generation === undefined ? "" : ` as snapshot ${generation}`;
  const size = `${countOf(files, "file")} (${(sizeBytes / 1e6).toFixed(1)} MB)`;
  return `Exported ${countOf(rows, "row")} in ${size} to ${place}${snapshot}${removed}, ` +
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
  const lanes = outcomes.map(({ plan, place, isRemote, seconds, ...rest }) => {
    const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
    const where = isRemote ? { url: place, seconds } : { directory: place };
    return { ...rest, ...where, unchangedDays: plan.unchanged, days };
  });
  return JSON.stringify({ lanes });
}
