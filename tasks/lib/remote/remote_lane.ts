import type { Dataset } from "../dataset/dataset.ts";
import type { Damage } from "../lake/lake.ts";
import type { FetchedObject, ListedObject, ObjectStore } from "../store/store.ts";
import { eachOf } from "../task/each.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { emptySnapshot, parseObjectKey, parseSnapshot, type Snapshot } from "./snapshot.ts";

/** Key of the newest snapshot, relative to the lane: its replacement is what commits. */
export const SNAPSHOT = "_manifest.json";

/** Key at which exports ask whether the store heeds conditions. */
export const CONDITIONS = "_conditions";

/** One dataset of one environment in a store. */
export interface RemoteLane<D extends DatasetColumns = DatasetColumns> {
  /** What it holds. */
  readonly dataset: D;
  /** As it is printed: its URL. */
  readonly url: string;
  /** What its keys begin with, in the store. */
  readonly prefix: string;
  /** Where it is. */
  readonly store: ObjectStore;
  /** What it holds now. */
  readonly snapshot: Snapshot;
  /** Which version of the snapshot's object was read; undefined where there is none. */
  readonly etag: string | undefined;
  /** All its objects, by key relative to the lane, as they were listed after the snapshot was read. */
  readonly listed: ReadonlyMap<string, ListedObject>;
}

/** What is needed of a dataset to open its lane. */
export type DatasetColumns = Pick<Dataset, "name" | "columns">;

/** Lanes of an environment in a store. */
export interface RemoteLanes<D extends DatasetColumns> {
  /** A lane a dataset, in their order; those without a snapshot are empty. */
  readonly lanes: readonly RemoteLane<D>[];
  /** Columns that any lane of the environment has redacted: what leaves one lane as NULL must not leave another in clear. */
  readonly redacted: ReadonlySet<string>;
}

/** Key of the copy of a snapshot that stays when the next one comes. */
export function copyKey(generation: number): string {
  return `_manifests/${generation}.json`;
}

/** The generation whose copy has a key; undefined for the key of anything else. */
export function parseCopyKey(key: string): number | undefined {
  const [, generation] = /^_manifests\/([1-9]\d{0,8})\.json$/.exec(key) ?? [];
  return generation === undefined ? undefined : Number(generation);
}

/** Lanes as they are in a store, in one request a lane and a listing of the environment.
 *
 * Errors: TaskError (exit 3) for a lane without a snapshot, but with objects that no first export has left.
 */
export async function openRemoteLanes<D extends DatasetColumns>(
  store: ObjectStore,
  env: string,
  datasets: readonly D[],
): Promise<RemoteLanes<D>> {
  const found = await eachOf(datasets, ({ name }) => store.get(`${env}/${name}/${SNAPSHOT}`));
  const listed = await listEnv(store, env);
  const lanes = datasets.map((dataset, index) => {
    const [url, prefix] = [`${store.url}/${env}/${dataset.name}`, `${env}/${dataset.name}/`];
    const lane = { dataset, url, prefix, store, listed: listed.get(dataset.name) ?? new Map() };
    const object = found[index];
    if (object !== undefined) return { ...lane, snapshot: parse(object, url, dataset.name), etag: object.etag };
    refuseForeign(lane);
    return { ...lane, snapshot: emptySnapshot(dataset, crypto.randomUUID()), etag: undefined };
  });
  const others = [...listed].filter(([name, keys]) =>
    keys.has(SNAPSHOT) && !datasets.some((dataset) => dataset.name === name)
  );
  const redacted = await eachOf(others, async ([name]) => {
    const object = await store.get(`${env}/${name}/${SNAPSHOT}`);
    return object === undefined ? [] : parse(object, `${store.url}/${env}/${name}`, name).lane.redacted;
  });
  return { lanes, redacted: new Set([...lanes.map(({ snapshot }) => snapshot.lane.redacted), ...redacted].flat()) };
}

/** All objects of an environment, by dataset and key relative to its lane. */
async function listEnv(store: ObjectStore, env: string): Promise<Map<string, Map<string, ListedObject>>> {
  const lanes = new Map<string, Map<string, ListedObject>>();
  for await (const object of store.list(`${env}/`)) {
    const [, name, ...rest] = object.key.split("/");
    if (!lanes.has(name)) lanes.set(name, new Map());
    lanes.get(name)!.set(rest.join("/"), object);
  }
  return lanes;
}

function parse({ bytes }: FetchedObject, url: string, dataset: string): Snapshot {
  return parseSnapshot(`${url}/${SNAPSHOT}`, new TextDecoder().decode(bytes), dataset);
}

function refuseForeign({ dataset, url, listed }: Pick<RemoteLane, "dataset" | "url" | "listed">): void {
  const isOfFirst = (key: string) => key === CONDITIONS || parseObjectKey(dataset.name, key)?.generation === 1;
  const foreign = [...listed.keys()].find((key) => !isOfFirst(key));
  if (foreign === undefined) return;
  throw new TaskError(
    `Cannot export to lane "${url}": it has no ${SNAPSHOT}, but ${foreign}; put the newest one of _manifests in its ` +
      "place, or export to another prefix",
    EXIT.refused,
  );
}

/** Objects of a snapshot that are missing or have other bytes than were sent.
 *
 * Without `deep` only sizes are looked at; with it, the digest that each object bears, too.
 */
export async function findRemoteDamage(
  { store, prefix, listed, snapshot: { objects, lane } }: RemoteLane,
  deep: boolean,
): Promise<Damage[]> {
  const findings = await eachOf(Object.entries(objects), async ([day, key]) => {
    const [{ sizeBytes, sha256 }] = lane.days[day].files;
    const size = listed.get(key)?.sizeBytes;
    const file = key.slice(key.indexOf("/") + 1);
    if (size === undefined) return { day, file, finding: "is missing", isUnknown: false };
    if (size !== sizeBytes) return { day, file, finding: `has ${size} bytes, not ${sizeBytes}`, isUnknown: false };
    const isSame = !deep || (await store.head(prefix + key))?.sha256 === sha256;
    return isSame ? undefined : { day, file, finding: "does not bear the digest of what was sent", isUnknown: false };
  });
  return findings.filter((finding) => finding !== undefined);
}
