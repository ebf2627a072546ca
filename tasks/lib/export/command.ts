import type { ExportContext, ExportRequest } from "./request.ts";
import { type ExportOutcome, runExport } from "./run.ts";
import { formatOutcome, formatPlan, toJson } from "./text.ts";

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
