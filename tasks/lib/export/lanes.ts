import { eachOf } from "../task/each.ts";
import { formatSize } from "../task/size.ts";
import type { ExportedDataset } from "../dataset/datasets.ts";
import { laneName } from "../lake/lake.ts";
import { lockLanes, openLane, redactedInEnv } from "../lake/lane.ts";
import type { Manifest } from "../lake/manifest.ts";
import { type Place, placeOnDisk } from "../lake/place.ts";
import type { ObjectStore } from "../store/store.ts";
import type { ExportContext, ExportRequest } from "./request.ts";

/** A lane that is to be exported to. */
export interface OpenLane {
  /** Its name. */
  readonly name: string;
  /** What it holds. */
  readonly dataset: ExportedDataset;
  /** What it holds now. */
  readonly manifest: Manifest;
  /** Where it is. */
  readonly place: Place;
}

/** The lanes of a run, until disposed. */
export interface OpenLanes extends AsyncDisposable {
  /** A lane a dataset, in their order. */
  readonly lanes: readonly OpenLane[];
  /** Columns that any lane of the environment has redacted. */
  readonly inEnv: ReadonlySet<string>;
}

/** The lanes of datasets on the disk, locked, unless nothing will be written. */
export async function openLanesOnDisk(
  datasets: readonly ExportedDataset[],
  request: ExportRequest,
  { settings: { env, exportDir }, report, signal }: ExportContext,
): Promise<OpenLanes> {
  const named = datasets.map((dataset) => ({ dataset, name: laneName(env, dataset) }));
  const onWait = (lane: string, holder: string) => report.note(`Waiting for lane ${lane}, which ${holder} holds`);
  await using stack = new AsyncDisposableStack();
  if (!request.dryRun) stack.use(await lockLanes(exportDir, named, { ...request, signal, onWait }));
  const lanes = await Promise.all(named.map((lane) => openLane(exportDir, lane, request.redacted)));
  const inEnv = await redactedInEnv(exportDir, env, lanes);
  const locks = stack.move();
  return {
    lanes: lanes.map((lane) => ({ ...lane, place: placeOnDisk(lane.directory, lane) })),
    inEnv,
    [Symbol.asyncDispose]: () => locks.disposeAsync(),
  };
}

/** The lanes of datasets in a store; what a killed export has not finished is finished, unless nothing will be written. */
export async function openLanesInStore(
  datasets: readonly ExportedDataset[],
  request: ExportRequest,
  { settings: { env }, report, store }: ExportContext & { readonly store: ObjectStore },
): Promise<OpenLanes> {
  const { openRemoteLanes } = await import("../remote/remote_lane.ts");
  const { finishRemote } = await import("../remote/commit.ts");
  const { placeInStore } = await import("../remote/place.ts");
  await using stack = new AsyncDisposableStack();
  const { lanes: remote, redacted } = await openRemoteLanes(store, env, datasets);
  const lanes = await eachOf(remote, async (lane) => {
    if (!request.dryRun) await finishRemote(lane);
    const directory = await Deno.makeTempDir({ prefix: "heretix-export-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const name = `${env}/${lane.dataset.name}`;
    const onBytes = (sent: number, total: number) =>
      report.progress(`${formatSize(sent)} of ${formatSize(total)} of lane ${name} sent`);
    const place = placeInStore(lane, { directory, onBytes });
    return { name, dataset: lane.dataset, manifest: lane.snapshot.lane, place };
  });
  const directories = stack.move();
  return { lanes, inEnv: redacted, [Symbol.asyncDispose]: () => directories.disposeAsync() };
}
