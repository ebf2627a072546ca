import { laneDirectory, listLanes, readManifest } from "../lake/lake.ts";
import { EXIT, TaskError } from "../task/errors.ts";

/** Why a lake without any file cannot be asked: nothing was exported, or exports found no rows. */
export async function emptyLakeError(directory: string): Promise<TaskError> {
  const exported: string[] = [];
  for (const lane of await listLanes(directory)) {
    if (await readManifest(laneDirectory(directory, lane))) exported.push(lane);
  }
  const finding = exported.length > 0
    ? `what was exported to it has no rows (${exported.join(", ")}); add some, by deno task db:seed for example, ` +
      "and export again"
    : "it holds no <lane>/dt=YYYY-MM-DD/<dataset>.parquet; run deno task export first";
  return new TaskError(`Cannot query lake "${directory}": ${finding}`, EXIT.failed);
}
