import { eachOf } from "../task/each.ts";
import type { Committed, LaneChange, NewFile } from "../lake/place.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { deltaKey, formatDeltaCommit } from "./delta.ts";
import { CONDITIONS, copyKey, type RemoteLane, SNAPSHOT } from "./remote_lane.ts";
import { formatSnapshot, nextSnapshot, parseSnapshot, type Snapshot } from "./snapshot.ts";

/** Makes a change of a remote lane visible by one replacement of its snapshot, all of it or nothing.
 *
 * The days' objects are sent first, under keys that say what is in them, so that those of a killed export are found
 * again. The snapshot replaces the one that was read, or nothing. What follows from it is written last, by this export or
 * the next one. `onBytes` is told the bytes sent so far, of how many.
 *
 * Errors: TaskError: exit 5 where another export has committed meanwhile; exit 3 where the store does not heed conditions,
 * or another object has a key of ours; exit 1 where the store fails. What was visible before is visible then.
 */
export async function commitRemote(
  lane: RemoteLane,
  { files, manifest }: LaneChange,
  onBytes: (sent: number, total: number) => void,
): Promise<Committed> {
  await requireNewest(lane);
  await requireConditions(lane);
  const written = files.map(({ day }) => day);
  const next = nextSnapshot(lane.snapshot, {
    lane: manifest,
    written,
    there: lane.listed,
    writtenMs: Date.now(),
  });
  const total = files.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  let sent = 0;
  const onSent = (bytes: number) => onBytes(sent += bytes, total);
  const bytes = await eachOf(files, (one) => upload(lane, next.objects[one.day], one, onSent));
  const following = followingOf(next, lane.snapshot);
  await replaceSnapshot(lane, next);
  await writeFollowing(lane, next.generation, following);
  const put = bytes.filter((count) => count > 0);
  return { generation: next.generation, objects: put.length, bytesPut: put.reduce((sum, count) => sum + count, 0) };
}

/** Writes what follows from the snapshots, where the exports that committed them were killed before they could. */
export async function finishRemote(lane: RemoteLane): Promise<void> {
  const { snapshot: { generation: newest }, listed } = lane;
  for (let generation = 1; generation <= newest; generation++) {
    // Copies go with time; the newest one is needed by the next commit.
    const isWhole = listed.has(deltaKey(generation)) && (generation < newest || listed.has(copyKey(generation)));
    if (isWhole) continue;
    const [snapshot, before] = [await readCopy(lane, generation), await readCopy(lane, generation - 1)];
    await writeFollowing(lane, generation, followingOf(snapshot, before));
  }
}

/** The snapshot that was the newest one at a generation. */
async function readCopy({ store, prefix, url, snapshot }: RemoteLane, generation: number): Promise<Snapshot> {
  const { lane, table } = snapshot;
  if (generation === snapshot.generation) return snapshot;
  if (generation === 0) return { ...snapshot, generation, table, lane: { ...lane, days: {} }, objects: {} };
  const found = await store.get(prefix + copyKey(generation));
  const name = `${url}/${copyKey(generation)}`;
  if (found !== undefined) return parseSnapshot(name, new TextDecoder().decode(found.bytes), lane.dataset);
  throw new TaskError(`Cannot read snapshot "${name}": it is missing; restore it, or export to another prefix`);
}

/** Objects that follow from a snapshot and the one before it, as text by key: its copy, and its commit in the Delta log. */
function followingOf(snapshot: Snapshot, before: Snapshot): Map<string, string> {
  return new Map([
    [copyKey(snapshot.generation), formatSnapshot(snapshot)],
    [deltaKey(snapshot.generation), formatDeltaCommit(snapshot, before)],
  ]);
}

/** Writes what follows from a snapshot, unless somebody else has. */
async function writeFollowing(
  { store, prefix, url }: RemoteLane,
  generation: number,
  following: ReadonlyMap<string, string>,
): Promise<void> {
  try {
    for (const [key, text] of following) {
      await store.put(prefix + key, new TextEncoder().encode(text), { condition: { kind: "absent" } });
    }
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    throw new TaskError(
      [
        `Snapshot ${generation} of "${url}" is committed; its Delta log follows with the next export:`,
        ...error.lines,
      ],
      error.exitCode,
      { cause: error },
    );
  }
}

/** Throws where a later snapshot than the one that was read has left its traces.
 *
 * Either another export has committed meanwhile, or an older snapshot was put in the place of the newest one: what is
 * committed then would contradict the log that is there.
 *
 * Errors: TaskError: exit 5 or exit 3.
 */
async function requireNewest(lane: RemoteLane): Promise<void> {
  const { store, prefix, url, etag, listed, snapshot: { generation } } = lane;
  const later = [copyKey(generation + 1), deltaKey(generation + 1)].find((key) => listed.has(key));
  if (later === undefined) return;
  if ((await store.head(prefix + SNAPSHOT))?.etag !== etag) throw conflictError(lane, generation + 1);
  throw new TaskError(
    `Cannot export to "${url}": its ${SNAPSHOT} is snapshot ${generation}, and there is ${later} of a later one; put ` +
      "the newest one of _manifests in its place, or export to another prefix",
    EXIT.refused,
  );
}

/** A version that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

/** Throws where the store takes an object whose condition is not met: two exports would overwrite each other.
 *
 * Errors: TaskError (exit 3).
 */
async function requireConditions({ store, prefix, url }: RemoteLane): Promise<void> {
  const body = new TextEncoder().encode("Exports ask here whether this store heeds the conditions of a PUT.\n");
  const put = async (condition: Parameters<typeof store.put>[2]) =>
    (await store.put(prefix + CONDITIONS, body, condition)).kind;
  const absent = { condition: { kind: "absent" } } as const;
  const stale = { condition: { kind: "unchanged", etag: NO_ETAG } } as const;
  const heeds = (await put(absent) === "unmet" || await put(absent) === "unmet") && await put(stale) === "unmet";
  if (heeds) return;
  throw new TaskError(
    `Cannot export to "${url}": this store ignores If-Match and If-None-Match, so that two exports would overwrite ` +
      "each other; use S3, R2 or another store that heeds them",
    EXIT.refused,
  );
}

/** Sends a day's file unless it is there already, makes sure that it is, and tells how many bytes were sent. */
async function upload(
  { store, prefix, url }: RemoteLane,
  key: string,
  { file: { path, sizeBytes, sha256 } }: NewFile,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const { kind } = await store.putFile(prefix + key, path, {
    sha256,
    sizeBytes,
    condition: { kind: "absent" },
    onBytes,
  });
  const stored = await store.head(prefix + key);
  if (stored?.sizeBytes === sizeBytes && stored.sha256 === sha256) return kind === "stored" ? sizeBytes : 0;
  throw new TaskError(
    `Cannot put object "${url}/${key}": ${
      stored === undefined ? "it was sent, and is not there" : "another one has its key"
    }; remove it and export again`,
    stored === undefined ? EXIT.failed : EXIT.refused,
  );
}

/** Puts a snapshot in the place of the one that was read: the commit.
 *
 * An answer can be lost after the store has taken the snapshot, so what stands there decides.
 */
async function replaceSnapshot(lane: RemoteLane, next: Snapshot): Promise<void> {
  const { store, prefix, etag } = lane;
  const text = formatSnapshot(next);
  const condition = etag === undefined ? { kind: "absent" } as const : { kind: "unchanged", etag } as const;
  const failure = await store.put(prefix + SNAPSHOT, new TextEncoder().encode(text), { condition }).then(
    ({ kind }) => kind === "stored" ? undefined : conflictError(lane, next.generation),
    (error) => error,
  );
  if (failure === undefined) return;
  const found = await store.get(prefix + SNAPSHOT).catch(() => undefined);
  if (found === undefined || new TextDecoder().decode(found.bytes) !== text) throw failure;
}

function conflictError({ url }: RemoteLane, generation: number): TaskError {
  return new TaskError(
    `Cannot export to "${url}": another export has committed snapshot ${generation} meanwhile; run the export again`,
    EXIT.locked,
  );
}
