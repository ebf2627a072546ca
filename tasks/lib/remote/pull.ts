import { eachOf } from "../task/each.ts";
import { join } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { commit, recover } from "../lake/commit.ts";
import { createDay, type Damage, dayPath, filePath, findDamage, laneName } from "../lake/lake.ts";
import { type Lane, lockLanes, openLane, redactedInEnv } from "../lake/lane.ts";
import { isInRange } from "../dataset/source.ts";
import type { ObjectStore } from "../store/store.ts";
import type { Report } from "../task/console.ts";
import { openExportedLanes } from "./open.ts";
import { fileOf, formatManifest, type Manifest, rowsOf } from "../lake/manifest.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { unfinishedPath } from "../task/files.ts";
import type { RemoteLane } from "./remote_lane.ts";

/** Options of `pullLanes`. */
export interface PullLanesOptions {
  /** The environment. */
  readonly env: string;
  /** Names of the datasets; all that are there where empty. */
  readonly names: readonly string[];
  /** Directory of the lanes on the disk. */
  readonly exportDir: string;
  /** First day to bring; all where undefined. */
  readonly since?: Day;
  /** Whether a lane that mirrors another Postgres may be replaced. */
  readonly newSource: boolean;
  /** How long to wait for exports of the lanes. */
  readonly waitMs: number;
  /** Where notes and progress go. */
  readonly report: Report;
  /** Ends the wait for exports; what is asked of the store ends with the store's own. */
  readonly signal: AbortSignal;
}

/** A lane that was brought. */
export interface PulledLane extends Pulled {
  /** Where it comes from. */
  readonly url: string;
  /** Where it is now. */
  readonly directory: string;
}

/** Brings lanes of a store to the disk, under the locks of all of them, one after another.
 *
 * Errors: as `pullLane`; TaskError (exit 5) naming who holds a lane.
 */
export async function pullLanes(
  store: ObjectStore,
  { env, names, exportDir, waitMs, report, signal, ...options }: PullLanesOptions,
): Promise<PulledLane[]> {
  const { lanes: remote } = await openExportedLanes(store, env, names);
  const named = remote.map(({ dataset }) => ({ dataset, name: laneName(env, dataset) }));
  const onWait = (lane: string, holder: string) => report.note(`Waiting for lane ${lane}, which ${holder} holds`);
  await using _locks = await lockLanes(exportDir, named, { waitMs, signal, onWait });
  const lanes = await Promise.all(named.map((lane) => openLane(exportDir, lane, undefined)));
  const redacted = await redactedInEnv(exportDir, env, lanes);
  const pulled: PulledLane[] = [];
  for (const [index, lane] of lanes.entries()) {
    const { url } = remote[index];
    const onBytes = (come: number, total: number) =>
      report.progress(
        `${(come / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB of lane ${env}/${lane.dataset.name} brought`,
      );
    const result = await pullLane(remote[index], lane, { ...options, redacted, onBytes });
    pulled.push({ url, directory: lane.directory, ...result });
  }
  return pulled;
}

interface PullOptions extends Pick<PullLanesOptions, "since" | "newSource"> {
  /** Columns that any lane of the environment on the disk has redacted. */
  readonly redacted: ReadonlySet<string>;
  /** Called with the bytes that have come so far, of how many. */
  readonly onBytes: (come: number, total: number) => void;
}

/** What a pull has brought. */
export interface Pulled {
  /** The snapshot's generation. */
  readonly generation: number;
  /** Files that were brought. */
  readonly files: number;
  /** Bytes in them. */
  readonly sizeBytes: number;
  /** Days that went. */
  readonly removedDays: number;
  /** Days that were there already. */
  readonly unchangedDays: number;
}

/** Brings a lane of the disk, whose lock the caller holds, to a snapshot of a store: only files that differ come, each is
 * compared with its SHA-256, and all become visible by one commit, as an export's do.
 *
 * With `since`, earlier days stay as they are.
 *
 * Errors: TaskError (exit 3) where the lane holds what the snapshot cannot give back: rows of SQLite, another Postgres,
 * redactions; TaskError (exit 1) where an object is not what the snapshot says.
 */
async function pullLane(remote: RemoteLane, local: Lane, options: PullOptions): Promise<Pulled> {
  const { directory, manifest: before, dataset } = local;
  const { generation, lane } = remote.snapshot;
  refuseLoss(local, lane, options);
  const damages = await findDamage(directory, before, false);
  const plan = planPull(lane, before, { ...options, damaged: new Set(damages.map(({ day }) => day)) });
  const isReplaced = ({ day, file }: Damage) => file === fileOf(dataset.name) && plan.next.days[day] !== undefined;
  const unknown = damages.filter((damage) => damage.isUnknown && isInRange(damage.day, options) && !isReplaced(damage));
  const removals = [...plan.removals, ...unknown.map(({ day, file }) => filePath(day, file))];
  try {
    const renames = await download(plan.fresh, remote, { directory, ...options });
    const isSame = renames.length + removals.length === 0 && formatManifest(plan.next) === formatManifest(before);
    const ownership = { dataset, manifest: before };
    if (!isSame) await commit(directory, { renames, removals, manifest: plan.next, ownership });
  } catch (error) {
    await recover(directory, dataset).catch(() => {});
    throw error;
  }
  return {
    generation,
    files: plan.fresh.length,
    sizeBytes: sizeOf(lane, plan.fresh),
    removedDays: Object.keys(before.days).filter((day) => plan.next.days[day] === undefined).length,
    unchangedDays: plan.unchanged,
  };
}

interface PullPlan {
  /** What the lane will hold. */
  readonly next: Manifest;
  /** Days whose files are to come. */
  readonly fresh: readonly Day[];
  /** Files that go. */
  readonly removals: readonly string[];
  /** How many days are there already. */
  readonly unchanged: number;
}

function planPull(
  lane: Manifest,
  before: Manifest,
  { since, damaged }: Pick<PullOptions, "since"> & { readonly damaged: ReadonlySet<Day> },
): PullPlan {
  const next = withEarlier(lane, before, since);
  const wanted = Object.keys(lane.days).filter((day) => isInRange(day, { since }));
  const shaOf = ({ days }: Manifest, day: Day) => days[day]?.files.map(({ sha256 }) => sha256).join();
  const fresh = wanted.filter((day) => damaged.has(day) || shaOf(before, day) !== shaOf(lane, day));
  const removals = Object.entries(before.days).flatMap(([day, { files }]) =>
    files.filter(({ file }) => next.days[day] === undefined || file !== fileOf(lane.dataset))
      .map(({ file }) => filePath(day, file))
  );
  return { next, fresh, removals, unchanged: wanted.length - fresh.length };
}

function sizeOf({ days }: Manifest, some: readonly Day[]): number {
  return some.reduce((sum, day) => sum + days[day].files[0].sizeBytes, 0);
}

/** Files of days under temporary names, each as the snapshot says it is. */
async function download(
  days: readonly Day[],
  { snapshot: { lane, objects }, store, prefix, url }: RemoteLane,
  { directory, onBytes }: Pick<PullOptions, "onBytes"> & { readonly directory: string },
): Promise<{ readonly from: string; readonly to: string }[]> {
  const total = sizeOf(lane, days);
  let come = 0;
  return await eachOf(days, async (day) => {
    await createDay(directory, day);
    const to = dayPath(day, lane.dataset);
    const from = unfinishedPath(to);
    const [{ sizeBytes, sha256 }] = lane.days[day].files;
    const got = await store.getFile(prefix + objects[day], join(directory, from), {
      onBytes: (bytes) => onBytes(come += bytes, total),
    });
    if (got?.sha256 === sha256 && got.sizeBytes === sizeBytes) return { from, to };
    const finding = got === undefined ? "it is missing" : "it has other bytes than were sent";
    throw new TaskError(
      `Cannot pull object "${url}/${objects[day]}": ${finding}; run the export of its lane with --verify`,
    );
  });
}

/** What the lane will hold: the snapshot, with the lane's own days before `since`. Where those stay, fingerprints of two
 * states stand side by side, and none is to be relied on.
 */
function withEarlier(lane: Manifest, before: Manifest, since: Day | undefined): Manifest {
  if (since === undefined) return lane;
  const earlier = Object.entries(before.days).filter(([day]) => day < since);
  const later = Object.entries(lane.days).filter(([day]) => day >= since);
  const isWhole = earlier.length === 0 && later.length === Object.keys(lane.days).length;
  return { ...lane, state: isWhole ? lane.state : null, days: Object.fromEntries([...earlier, ...later]) };
}

function refuseLoss(
  { name, manifest, dataset }: Lane<Dataset>,
  lane: Manifest,
  { newSource, redacted, since }: Pick<PullOptions, "newSource" | "redacted" | "since">,
): void {
  const refuse = (finding: string) => {
    throw new TaskError(`Cannot pull into lane "${name}": ${finding}`, EXIT.refused);
  };
  if (Object.values(manifest.days).some((day) => rowsOf(day, "sqlite") > 0)) {
    refuse("it holds rows of SQLite, which would go; choose another directory with --out");
  }
  if (manifest.source !== null && manifest.source !== lane.source && !newSource) {
    refuse(
      `it mirrors ${manifest.source}, and the snapshot ${lane.source}; choose another directory with --out, or add ` +
        "--new-source to replace its rows",
    );
  }
  const isLifted = ([column]: readonly [string, string]) =>
    redacted.has(column) && !lane.redacted.includes(column) && !dataset.sort.includes(column);
  const lifted = lane.columns.filter(isLifted).map(([column]) => column);
  if (lifted.length > 0) {
    refuse(`${lifted.join(", ")} would no longer be redacted; choose another directory with --out`);
  }
  const added = lane.redacted.filter((column) => !manifest.redacted.includes(column));
  if (added.length > 0 && since !== undefined && Object.keys(manifest.days).some((day) => day < since)) {
    refuse(`${added.join(", ")} would stay in its days before ${since}; leave out --since`);
  }
}
