import { eachOf } from "../task/each.ts";
import type { ListedObject } from "../store/store.ts";
import { deltaKey } from "./delta.ts";
import { parseCopyKey, type RemoteLane } from "./remote_lane.ts";
import { parseObjectKey } from "./snapshot.ts";

/** Objects that no reader needs: days' objects that left the newest snapshot before `beforeMs`, those that no snapshot
 * ever named and none can name any more, and copies of snapshots that are older than the one before the newest.
 */
export function findPrunable({ snapshot, listed }: RemoteLane, beforeMs: number): ListedObject[] {
  const { generation, lane, objects, superseded, writtenMs } = snapshot;
  // Where its last commit is missing, readers of the Delta log see the snapshot before.
  const fromMs = listed.has(deltaKey(generation)) ? beforeMs : Math.min(beforeMs, writtenMs);
  const recent = superseded.filter(({ sinceMs }) => sinceMs >= fromMs);
  const kept = new Set([...Object.values(objects), ...recent.map(({ key }) => key)]);
  return [...listed].filter(([key, { modifiedMs }]) => {
    const copy = parseCopyKey(key);
    if (copy !== undefined) return copy < generation - 1 && modifiedMs < beforeMs;
    // Those of the next generation are of an export that is under way, or was killed and will go on.
    const name = parseObjectKey(lane.dataset, key);
    return name !== undefined && name.generation <= generation && !kept.has(key);
  }).map(([, object]) => object);
}

/** Removes objects of a lane. */
export async function prune(
  { store }: RemoteLane,
  objects: readonly ListedObject[],
): Promise<void> {
  await eachOf(objects, ({ key }) => store.remove(key));
}
