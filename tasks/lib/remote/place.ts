import type { Place } from "../lake/place.ts";
import { commitRemote, type OnSent } from "./commit.ts";
import { findRemoteDamage, type RemoteLane } from "./remote_lane.ts";

/** A lane of a store, whose days' files are made in a directory of the caller's. */
export function placeInStore(
  lane: RemoteLane,
  { directory, onBytes }: { readonly directory: string; readonly onBytes: OnSent },
): Place {
  return {
    label: lane.url,
    directory,
    findDamage: (deep) => findRemoteDamage(lane, deep),
    commit: (change) => commitRemote(lane, change, onBytes),
    recover: async () => {},
  };
}
