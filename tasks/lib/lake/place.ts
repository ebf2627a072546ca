import { relative } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { commit, recover } from "./commit.ts";
import type { JoinedFile } from "./day_file.ts";
import { type Damage, dayPath, findDamage } from "./lake.ts";
import type { Manifest } from "./manifest.ts";

/** Where a lane is: a directory of the disk, or objects in a store. */
export interface Place {
  /** As it is printed. */
  readonly label: string;
  /** Directory in which days' files are made; where the lane is on the disk, its own. */
  readonly directory: string;
  /** Everything by which the lane differs from what it should hold; with `deep`, more than names and sizes is looked at. */
  findDamage(deep: boolean): Promise<Damage[]>;
  /** What is known of the newest commit, where there is nothing to change. */
  readonly unchanged: Committed;
  /** Makes a change visible, all of it or nothing. */
  commit(change: LaneChange): Promise<Committed>;
  /** Removes what a failed export has left. */
  recover(): Promise<void>;
}

/** What an export changes in a lane. */
export interface LaneChange {
  /** Days with a new file. */
  readonly files: readonly NewFile[];
  /** Files of a directory that go, relative to it. */
  readonly removals: readonly string[];
  /** What the lane holds then. */
  readonly manifest: Manifest;
}

/** A day's finished file under its temporary name. */
export interface NewFile {
  /** The day. */
  readonly day: Day;
  /** Its file. */
  readonly file: JoinedFile;
}

/** What is known of a commit; nothing more where the lane is on the disk. */
export interface Committed {
  /** Which commit of the lane it is. */
  readonly generation?: number;
  /** Objects that were sent, but for those that a killed export had sent before. */
  readonly objects?: number;
  /** Bytes in them. */
  readonly bytesPut?: number;
}

/** A lane of the disk, whose lock the caller holds. */
export function placeOnDisk(
  directory: string,
  { dataset, manifest }: { readonly dataset: Dataset; readonly manifest: Manifest },
): Place {
  return {
    label: directory,
    directory,
    findDamage: (deep) => findDamage(directory, manifest, deep),
    unchanged: {},
    async commit({ files, removals, manifest: next }) {
      const renames = files.map(({ day, file }) => ({
        from: relative(directory, file.path),
        to: dayPath(day, dataset.name),
      }));
      await commit(directory, { renames, removals, manifest: next, ownership: { dataset, manifest } });
      return {};
    },
    recover: () => recover(directory, dataset),
  };
}
