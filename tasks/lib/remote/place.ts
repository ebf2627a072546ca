import type { Place } from "../lake/place.ts";
import { commitRemote, type RemoteCommitOptions } from "./commit.ts";
import { findRemoteDamage, listObjects, type RemoteLane } from "./remote_lane.ts";

/** A lane of a store, whose days' files are made in a directory of its own. */
export function placeInStore(
  lane: RemoteLane,
  options: Omit<RemoteCommitOptions, "there"> & { readonly directory: string },
): Place {
  let sizes: ReadonlyMap<string, number> | undefined;
  const list = async () => sizes ??= await listObjects(lane);
  return {
    label: lane.label,
    directory: options.directory,
    findDamage: async (deep) => await findRemoteDamage(lane, await list(), deep),
    commit: async (change) => await commitRemote(lane, change, { ...options, there: new Set((await list()).keys()) }),
    recover: async () => {},
  };
}
