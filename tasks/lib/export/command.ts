import type { ExportContext, ExportRequest } from "./request.ts";
import { type ExportOutcome, runExport } from "./run.ts";

/** Carries out a request and tells what becomes of each lane: a line as soon as it is done, or all of them as JSON. */
export async function carryOutExport(request: ExportRequest, context: ExportContext, json: boolean): Promise<void> {
  const { report } = context;
  const outcomes: ExportOutcome[] = [];
  await runExport(request, context, (outcome) => {
    outcomes.push(outcome);
    if (!json) report.result(request.dryRun ? formatPlan(outcome) : formatOutcome(outcome));
  });
  if (json) report.result(toJson(outcomes));
}

/** One line about what an export has done. */
function formatOutcome({ lane, directory, files, rows, sizeBytes, removedDays, plan }: ExportOutcome): string {
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${count(plan.unchanged + plan.writes.length, "day")} in ${directory}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${count(removedDays, "day")}`;
  const megabytes = (sizeBytes / 1e6).toFixed(1);
  return `Exported ${count(rows, "row")} in ${count(files, "file")} (${megabytes} MB) to ${directory}${removed}, ` +
    `${count(plan.unchanged, "day")} unchanged`;
}

/** A plan, a line a day. */
function formatPlan({ lane, plan: { writes, unchanged } }: ExportOutcome): string[] {
  const lines = writes.map(({ day, reason, rows }) =>
    `  ${day}  ${reason.padEnd(9)} ${count(rows.postgres + rows.sqlite, "row")}`
  );
  return [`Plan for lane ${lane}: write ${count(writes.length, "day")}, leave ${count(unchanged, "day")}`, ...lines];
}

/** Plans or outcomes of lanes as JSON. */
function toJson(outcomes: readonly ExportOutcome[]): string {
  const lanes = outcomes.map(({ plan, ...rest }) => {
    const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
    return { ...rest, unchangedDays: plan.unchanged, days };
  });
  return JSON.stringify({ lanes });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
