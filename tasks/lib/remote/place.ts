import type { Place } from "../lake/place.ts";
import { commitRemote } from "./commit.ts";
import { findRemoteDamage, type RemoteLane } from "./remote_lane.ts";

/** A lane of a store, whose days' files are made in a directory of the caller's. */
export function placeInStore(
  lane: RemoteLane,
  { directory, onBytes }: {
    readonly directory: string;
    readonly onBytes: (sent: number, total: number) => void;
  },
): Place {
  return {
    label: lane.url,
    directory,
    findDamage: (deep) => findRemoteDamage(lane, deep),
    unchanged: { generation: lane.snapshot.generation, objects: 0, bytesPut: 0 },
    commit: (change) => commitRemote(lane, change, onBytes),
    recover: async () => {},
  };
}
