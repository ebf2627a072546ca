import { countOf } from "../task/plural.ts";
import { formatSize } from "../task/size.ts";
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
function formatOutcome(outcome: ExportOutcome): string {
  const { lane, place, files, rows, sizeBytes, removedDays, plan, generation } = outcome;
  if (files === 0 && removedDays === 0) {
    return `Lane ${lane} is up to date: ${countOf(plan.unchanged + plan.writes.length, "day")} in ${place}`;
  }
  const removed = removedDays === 0 ? "" : `, removed ${countOf(removedDays, "day")}`;
  const snapshot = generation === undefined ? "" : ` as snapshot ${generation}`;
  const size = `${countOf(files, "file")} (${formatSize(sizeBytes)})`;
  return `Exported ${countOf(rows, "row")} in ${size} to ${place}${snapshot}${removed}, ` +
    `${countOf(plan.unchanged, "day")} unchanged`;
}

/** A plan, a line a day. */
function formatPlan({ lane, plan: { writes, unchanged } }: ExportOutcome): string[] {
  const lines = writes.map(({ day, reason, rows }) =>
    `  ${day}  ${reason.padEnd(9)} ${countOf(rows.postgres + rows.sqlite, "row")}`
  );
  return [
    `Plan for lane ${lane}: write ${countOf(writes.length, "day")}, leave ${countOf(unchanged, "day")}`,
    ...lines,
  ];
}

/** Plans or outcomes of lanes as JSON. */
function toJson(outcomes: readonly ExportOutcome[]): string {
  const lanes = outcomes.map(({ plan, place, isRemote, seconds, ...rest }) => {
    const days = plan.writes.map(({ day, reason, rows }) => ({ day, reason, rows: rows.postgres + rows.sqlite }));
    const where = isRemote ? { url: place, seconds } : { directory: place };
    return { ...rest, ...where, unchangedDays: plan.unchanged, days };
  });
  return JSON.stringify({ lanes });
}
