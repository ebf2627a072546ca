import type { Dataset } from "../dataset/dataset.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { type FileLockOptions, lockFile } from "../task/file_lock.ts";
import { createLane, laneDirectory, listDays, listLanes, LOCK, readManifest, removeEmptyLane } from "./lake.ts";
import { recover } from "./commit.ts";
import { emptyManifest, type Manifest } from "./manifest.ts";

/** A lane that is to be exported to: one dataset of one environment. */
export interface Lane<D extends Dataset = Dataset> {
  /** What it holds. */
  readonly dataset: D;
  /** Its name. */
  readonly name: string;
  /** Its directory. */
  readonly directory: string;
  /** What it holds now. */
  readonly manifest: Manifest;
}

/** Options of `lockLanes`. */
export interface LockOptions extends Pick<FileLockOptions, "waitMs" | "signal"> {
  /** Called when another process holds a lane. */
  readonly onWait: (lane: string, holder: string) => void;
}

/** Locks the lanes of datasets of an environment, one after another in the order of their names, and finishes what a
 * killed export has left in them; a lane that holds nothing in the end is removed.
 *
 * Errors: TaskError (exit 5) naming who holds a lane.
 */
export async function lockLanes(
  exportDir: string,
  lanes: readonly Pick<Lane, "name" | "dataset">[],
  { waitMs, signal, onWait }: LockOptions,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  for (const { name, dataset } of lanes.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const directory = laneDirectory(exportDir, name);
    await createLane(directory);
    const lock = await lockFile(`${directory}/${LOCK}`, {
      what: `export lane "${name}"`,
      waitMs,
      signal,
      onWait: (holder) => onWait(name, holder),
    });
    stack.use(lock);
    stack.defer(() => removeEmptyLane(directory));
    await recover(directory, dataset);
  }
  return stack.move();
}

/** A lane as it is now; its manifest is made from its files where it was lost, so that no source's rows are.
 *
 * `redacted` are the columns that were asked for, undefined where none were named.
 */
export async function openLane<D extends Dataset>(
  exportDir: string,
  { name, dataset }: Pick<Lane<D>, "name" | "dataset">,
  redacted: readonly string[] | undefined,
): Promise<Lane<D>> {
  const directory = laneDirectory(exportDir, name);
  const lane = (manifest: Manifest) => ({ dataset, name, directory, manifest });
  const manifest = await readManifest(directory, dataset.name);
  if (manifest !== undefined) return lane(manifest);
  if ((await listDays(directory)).length === 0) return lane(emptyManifest(dataset.name, dataset.columns));
  const { adoptLane } = await import("./adopt.ts");
  return lane(await adoptLane(directory, { dataset, lane: name, redacted }));
}

/** Columns that are redacted in any lane of an environment: what leaves one lane as NULL must not leave another in clear.
 *
 * Errors: TaskError (exit 3) for a lane that is not among the open ones and has lost its manifest.
 */
export async function redactedInEnv(exportDir: string, env: string, open: readonly Lane[]): Promise<Set<string>> {
  const redacted = new Set(open.flatMap(({ manifest }) => manifest.redacted));
  const closed = (await listLanes(exportDir, env)).filter((name) => !open.some((lane) => lane.name === name));
  for (const name of closed) {
    const directory = laneDirectory(exportDir, name);
    const manifest = await readManifest(directory);
    manifest?.redacted.forEach((column) => redacted.add(column));
    if (manifest !== undefined || (await listDays(directory)).length === 0) continue;
    throw new TaskError(
      `Cannot export to env "${env}": its lane "${name}" has lost its manifest, which says what is redacted; ` +
        `export that lane's dataset, too`,
      EXIT.refused,
    );
  }
  return redacted;
}
