import { type ExportedDataset, readDatasets } from "../dataset/datasets.ts";
import type { ObjectStore } from "../store/store.ts";
import { TaskError } from "../task/errors.ts";
import { openRemoteLanes, type RemoteLane, type RemoteLanes } from "./remote_lane.ts";

/** Lanes that somebody has exported to: of the datasets that are named, or of all.
 *
 * Errors: TaskError (exit 1) where there is none, or none of a dataset that is named.
 */
export async function openExportedLanes(
  store: ObjectStore,
  env: string,
  names: readonly string[],
): Promise<RemoteLanes<ExportedDataset>> {
  const opened = await openRemoteLanes(store, env, await readDatasets(names.length > 0 ? names : undefined));
  const isEmpty = ({ snapshot }: RemoteLane) => snapshot.generation === 0;
  const empty = opened.lanes.find(isEmpty);
  if (empty !== undefined && (names.length > 0 || opened.lanes.every(isEmpty))) {
    throw new TaskError(`Cannot open lane "${empty.url}": nothing was exported there; check --to and --env`);
  }
  return { ...opened, lanes: opened.lanes.filter((lane) => !isEmpty(lane)) };
}
