import type { Place } from "../lake/place.ts";
import { commitRemote, type RemoteCommitOptions } from "./commit.ts";
import { findRemoteDamage, type RemoteLane } from "./remote_lane.ts";

/** A lane of a store, whose days' files are made in a directory of the caller's. */
export function placeInStore(
  lane: RemoteLane,
  { directory, ...options }: RemoteCommitOptions & { readonly directory: string },
): Place {
  return {
    label: lane.url,
    directory,
    findDamage: (deep) => findRemoteDamage(lane, deep),
    unchanged: { generation: lane.snapshot.generation, objects: 0, bytesPut: 0 },
    commit: (change) => commitRemote(lane, change, options),
    recover: async () => {},
  };
}
