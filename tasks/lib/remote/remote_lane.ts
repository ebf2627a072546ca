import type { Dataset } from "../dataset/dataset.ts";
import type { Damage } from "../lake/lake.ts";
import type { ObjectStore } from "../store/store.ts";
import { eachOf } from "../task/each.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { emptySnapshot, parseObjectKey, parseSnapshot, type Snapshot } from "./snapshot.ts";

/** Key of the newest snapshot, relative to the lane: its replacement is what commits. */
export const SNAPSHOT = "_manifest.json";

/** Key at which exports ask whether the store heeds conditions. */
export const CONDITIONS = "_conditions";

/** One dataset of one environment in a store. */
export interface RemoteLane {
  /** As it is printed: its URL. */
  readonly label: string;
  /** What its keys begin with, in the store. */
  readonly prefix: string;
  /** Where it is. */
  readonly store: ObjectStore;
  /** What it holds now. */
  readonly snapshot: Snapshot;
  /** Which version of the snapshot's object was read; undefined where there is none. */
  readonly etag: string | undefined;
}

/** What keys of a lane begin with. */
export function remotePrefix(env: string, dataset: string): string {
  return `${env}/${dataset}/`;
}

/** Key of the copy of a snapshot that stays when the next one comes. */
export function copyKey(generation: number): string {
  return `_manifests/${generation}.json`;
}

/** A lane as it is in a store; one without a snapshot is empty.
 *
 * Errors: TaskError (exit 3) where there is no snapshot, but objects that no first export has left.
 */
export async function openRemoteLane(
  store: ObjectStore,
  env: string,
  dataset: Pick<Dataset, "name" | "columns">,
): Promise<RemoteLane> {
  const prefix = remotePrefix(env, dataset.name);
  const label = `${store.label}/${prefix.slice(0, -1)}`;
  const found = await store.get(prefix + SNAPSHOT);
  if (found !== undefined) {
    const snapshot = parseSnapshot(`${label}/${SNAPSHOT}`, new TextDecoder().decode(found.bytes), dataset.name);
    return { label, prefix, store, snapshot, etag: found.etag };
  }
  for await (const { key } of store.list(prefix)) {
    const inLane = key.slice(prefix.length);
    if (inLane === CONDITIONS || parseObjectKey(dataset.name, inLane)?.generation === 1) continue;
    throw new TaskError(
      `Cannot export to lane "${label}": it has no ${SNAPSHOT}, but ${inLane}; put the newest one of _manifests in its ` +
        "place, or export to another prefix",
      EXIT.refused,
    );
  }
  return { label, prefix, store, snapshot: emptySnapshot(dataset, crypto.randomUUID()), etag: undefined };
}

/** Sizes of all of a lane's objects that hold days, by key relative to the lane. */
export async function listObjects({ store, prefix }: RemoteLane): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(`${prefix}dt=`)) sizes.set(key.slice(prefix.length), sizeBytes);
  return sizes;
}

/** Objects of a snapshot that are missing or have other bytes than were sent.
 *
 * Without `deep` only sizes are looked at; with it, the digest that each object bears, too.
 */
export async function findRemoteDamage(
  { store, prefix, snapshot: { objects, lane } }: RemoteLane,
  sizes: ReadonlyMap<string, number>,
  deep: boolean,
): Promise<Damage[]> {
  const findings = await eachOf(Object.entries(objects), async ([day, key]) => {
    const [{ sizeBytes, sha256 }] = lane.days[day].files;
    const size = sizes.get(key);
    const file = key.slice(key.indexOf("/") + 1);
    if (size === undefined) return { day, file, finding: "is missing", isUnknown: false };
    if (size !== sizeBytes) return { day, file, finding: `has ${size} bytes, not ${sizeBytes}`, isUnknown: false };
    const isSame = !deep || (await store.head(prefix + key))?.sha256 === sha256;
    return isSame ? undefined : { day, file, finding: "does not bear the digest of what was sent", isUnknown: false };
  });
  return findings.filter((finding) => finding !== undefined);
}

/** Columns that are redacted in any lane of an environment: what leaves one lane as NULL must not leave another in clear. */
export async function listRedacted(store: ObjectStore, env: string): Promise<Set<string>> {
  const folders = await Array.fromAsync(store.listFolders(`${env}/`));
  const redacted = await eachOf(folders, async (folder) => {
    const found = await store.get(folder + SNAPSHOT);
    if (found === undefined) return [];
    const dataset = folder.slice(env.length + 1, -1);
    return parseSnapshot(`${store.label}/${folder}${SNAPSHOT}`, new TextDecoder().decode(found.bytes), dataset).lane
      .redacted;
  });
  return new Set(redacted.flat());
}
