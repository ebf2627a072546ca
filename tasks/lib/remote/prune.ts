import { eachOf } from "../task/each.ts";
import { copyKey, type RemoteLane } from "./remote_lane.ts";
import { parseObjectKey } from "./snapshot.ts";

/** Objects of a lane that can go. */
export interface Prunable {
  /** Keys relative to the lane. */
  readonly keys: readonly string[];
  /** Bytes in them. */
  readonly sizeBytes: number;
}

/** Objects that no reader needs: days' objects that left the newest snapshot before `beforeMs`, those that no snapshot
 * ever named and none can name any more, and copies of snapshots that are older than the one before the newest.
 */
export async function findPrunable(
  { store, prefix, snapshot: { generation, lane, objects, superseded } }: RemoteLane,
  beforeMs: number,
): Promise<Prunable> {
  const keys: string[] = [];
  let sizeBytes = 0;
  const named = new Set(Object.values(objects));
  const kept = new Set(superseded.filter(({ sinceMs }) => sinceMs >= beforeMs).map(({ key }) => key));
  for await (const listed of store.list(`${prefix}dt=`)) {
    const key = listed.key.slice(prefix.length);
    const name = parseObjectKey(lane.dataset, key);
    // Those of the next generation are of an export that is under way, or was killed and will go on.
    if (name === undefined || name.generation > generation || named.has(key) || kept.has(key)) continue;
    keys.push(key);
    sizeBytes += listed.sizeBytes;
  }
  const current = new Set([copyKey(generation), copyKey(generation - 1)]);
  for await (const listed of store.list(`${prefix}_manifests/`)) {
    const key = listed.key.slice(prefix.length);
    if (current.has(key) || listed.modifiedMs >= beforeMs) continue;
    keys.push(key);
    sizeBytes += listed.sizeBytes;
  }
  return { keys, sizeBytes };
}

/** Removes objects of a lane. */
export async function prune({ store, prefix }: RemoteLane, { keys }: Prunable, signal: AbortSignal): Promise<void> {
  await eachOf(keys, async (key) => {
    signal.throwIfAborted();
    await store.remove(prefix + key);
  });
}
