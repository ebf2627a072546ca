import type { Day } from "../dataset/day.ts";
import { emptyManifest, fileOf, formatManifest, type Manifest, parseManifest } from "../lake/manifest.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { TaskError } from "../task/errors.ts";

/** Version of the form of a snapshot. */
const SNAPSHOT_FORMAT = 1;

/** What one commit has made visible of a remote lane. */
export interface Snapshot {
  /** Which commit: 1 is the first, 0 stands for a lane that has none. */
  readonly generation: number;
  /** Names the table for readers of its Delta log: a UUID that stays. */
  readonly table: string;
  /** When it was written, in milliseconds since 1970 by the clock of the exporter. */
  readonly writtenMs: number;
  /** What the lane holds, as a lane on a disk would say it. */
  readonly lane: Manifest;
  /** By day, the object that holds its rows. */
  readonly objects: Readonly<Record<Day, string>>;
  /** Objects of earlier snapshots that may still be there. */
  readonly superseded: readonly Superseded[];
}

/** An object that no longer belongs to the newest snapshot. */
export interface Superseded {
  /** Its key, relative to the lane. */
  readonly key: string;
  /** Since when, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** A day's object, as its key says. */
export interface ObjectName {
  /** The day. */
  readonly day: Day;
  /** The commit that it was made for: keys of generation n + 1 are made while the snapshot is n, so that an object of an
   * earlier generation that no snapshot names is never named by a later one. */
  readonly generation: number;
  /** The first 16 digits of its SHA-256. */
  readonly digest: string;
}

/** Key of a day's object, relative to the lane. It says what is in it: an object is never replaced. */
export function objectKey(dataset: string, { day, generation, digest }: ObjectName): string {
  return `dt=${day}/${dataset}-g${generation}-${digest.slice(0, 16)}.parquet`;
}

/** What a day's key says; undefined for the key of anything else. */
export function parseObjectKey(dataset: string, key: string): ObjectName | undefined {
  const match = /^dt=(\d{4}-\d\d-\d\d)\/(\w+)-g([1-9]\d{0,8})-([0-9a-f]{16})\.parquet$/.exec(key);
  if (match?.[2] !== dataset) return undefined;
  return { day: match[1], generation: Number(match[3]), digest: match[4] };
}

/** The snapshot of a lane that has none. */
export function emptySnapshot({ name, columns }: Pick<Dataset, "name" | "columns">, table: string): Snapshot {
  const lane = emptyManifest(name, columns);
  return { generation: 0, table, writtenMs: 0, lane, objects: {}, superseded: [] };
}

/** What a commit changes. */
export interface SnapshotChange {
  /** What the lane will hold. */
  readonly lane: Manifest;
  /** Days whose files are new. */
  readonly written: readonly Day[];
  /** Keys of all objects that the lane has in the store. */
  readonly there: Pick<ReadonlySet<string>, "has">;
  /** When. */
  readonly writtenMs: number;
}

/** The snapshot that follows: days that were written have new objects, and what is no longer named is superseded. */
export function nextSnapshot(before: Snapshot, { lane, written, there, writtenMs }: SnapshotChange): Snapshot {
  const generation = before.generation + 1;
  const objects = Object.fromEntries(
    Object.entries(lane.days).map(([day, { files }]) => {
      const key = objectKey(lane.dataset, { day, generation, digest: files[0].sha256 });
      return [day, written.includes(day) ? key : before.objects[day]];
    }),
  );
  const named = new Set(Object.values(objects));
  const gone = Object.values(before.objects).filter((key) => !named.has(key)).map((key) => ({
    key,
    sinceMs: writtenMs,
  }));
  const superseded = [...before.superseded, ...gone].filter(({ key }) => there.has(key));
  return { generation, table: before.table, writtenMs, lane, objects, superseded };
}

/** A snapshot as text: the same snapshot is the same text. */
export function formatSnapshot({ lane, ...snapshot }: Snapshot): string {
  return JSON.stringify({ format: SNAPSHOT_FORMAT, ...snapshot, lane: JSON.parse(formatManifest(lane)) }, null, 1) +
    "\n";
}

/** The snapshot that a text holds; `name` is how the error calls it.
 *
 * Errors: TaskError when it is none, of another format or another dataset's.
 */
export function parseSnapshot(name: string, text: string, dataset: string): Snapshot {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text);
  } catch {
    throw snapshotError(name, "it is not JSON");
  }
  if (value?.format !== SNAPSHOT_FORMAT) throw snapshotError(name, `it is not of format ${SNAPSHOT_FORMAT}`);
  const { generation, table, writtenMs, objects, superseded } = value;
  const snapshot = { generation, table, writtenMs, lane: parseLane(name, value.lane, dataset), objects, superseded };
  if (!isSnapshot(snapshot)) throw snapshotError(name, "it is damaged");
  return snapshot;
}

function parseLane(name: string, lane: unknown, dataset: string): Manifest {
  try {
    return parseManifest(name, JSON.stringify(lane ?? null), dataset);
  } catch (error) {
    if (error instanceof TaskError) throw snapshotError(name, "it is damaged, or another dataset's");
    throw error;
  }
}

function snapshotError(name: string, finding: string): TaskError {
  return new TaskError(
    `Cannot read snapshot "${name}": ${finding}; put the newest one of _manifests in its place, or export to another prefix`,
  );
}

function isSnapshot(value: Partial<Record<keyof Snapshot, unknown>> & { readonly lane: Manifest }): value is Snapshot {
  const { generation, table, writtenMs, lane, objects, superseded } = value;
  if (!isCount(generation) || generation < 1 || !isCount(writtenMs)) return false;
  if (typeof table !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(table)) return false;
  const nameOf = (key: unknown) => typeof key === "string" ? parseObjectKey(lane.dataset, key) : undefined;
  const isOurs = (key: unknown) => (nameOf(key)?.generation ?? Infinity) <= generation;
  const days = Object.entries(lane.days);
  const keys = typeof objects === "object" && objects !== null ? objects as Record<string, unknown> : {};
  return days.length === Object.keys(keys).length &&
    days.every(([day, { files }]) => {
      const [{ file, sha256 }] = files;
      const name = nameOf(keys[day]);
      return files.length === 1 && file === fileOf(lane.dataset) && isOurs(keys[day]) && name?.day === day &&
        sha256.startsWith(name.digest);
    }) &&
    Array.isArray(superseded) && superseded.every((entry) => isOurs(entry?.key) && isCount(entry?.sinceMs));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
