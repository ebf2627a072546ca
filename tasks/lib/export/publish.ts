import type { Day } from "../dataset/day.ts";
import { type ExportPlan, markOf, type PlanInput } from "./plan.ts";
import { filePath } from "../lake/lake.ts";
import { removeFile } from "../task/files.ts";
import { fileOf, formatManifest, type Manifest, type ManifestDay } from "../lake/manifest.ts";
import type { Committed, NewFile } from "../lake/place.ts";
import type { OpenLane } from "./lanes.ts";
import { isInRange, type Source } from "../dataset/source.ts";
import type { StagedDay } from "./day_stager.ts";

/** Options of `publish`. */
export interface PublishOptions extends Pick<OpenLane, "place" | "manifest">, Pick<PlanInput, "schema" | "range"> {
  /** The manifest after the export, but for its days, source and state. */
  readonly next: Pick<Manifest, "columns" | "redacted">;
  readonly plan: ExportPlan;
  readonly sources: readonly Source[];
  /** Whether the source's log has only gone forward since the manifest was written. */
  readonly isForward: boolean;
}

/** What a publication has made visible. */
export interface Published extends Committed {
  /** Files that were replaced or added. */
  readonly files: number;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly removedDays: number;
}

/** Makes the staged days visible, which are those of the plan in its order; a file with the bytes that are there already is left alone.
 *
 * The manifest takes over what was read, also of days that came out the same.
 */
export async function publish(staged: readonly StagedDay[], options: PublishOptions): Promise<Published> {
  const { place, manifest, plan, sources } = options;
  const days: Record<Day, ManifestDay> = { ...manifest.days };
  const damaged = new Set(plan.writes.filter(({ reason }) => reason === "damaged").map(({ day }) => day));
  const name = fileOf(manifest.dataset);
  const fresh: (StagedDay & NewFile)[] = [];
  const removals: string[] = [];
  for (const [index, one] of staged.entries()) {
    const { day, file } = one;
    const before = manifest.days[day];
    const unknown = options.plan.unknownFiles.get(day) ?? [];
    const old = new Set([...(before?.files ?? []).map(({ file }) => file), ...unknown]);
    if (file !== undefined) old.delete(name);
    removals.push(...[...old].map((other) => filePath(day, other)));
    const isSame = !damaged.has(day) && before?.files.length === 1 && before.files[0].file === name &&
      before.files[0].sha256 === file?.sha256;
    if (file !== undefined && isSame) await removeFile(file.path);
    else if (file !== undefined) fresh.push({ ...one, file });
    if (file === undefined) delete days[day];
    else {
      const read = sources.filter(({ kind }) => plan.writes[index].kinds.includes(kind));
      days[day] = toManifestDay(one, damaged.has(day) ? undefined : before, { schema: options.schema, name, read });
    }
  }
  for (const { day } of plan.rereads) days[day] = confirmed(days[day], day, sources);
  const next = await withSource({ ...manifest, ...options.next, days }, options);
  const isSame = fresh.length + removals.length === 0 && formatManifest(next) === formatManifest(manifest);
  return {
    ...(isSame ? place.unchanged : await place.commit({ files: fresh, removals, manifest: next })),
    files: fresh.length,
    rows: fresh.reduce((sum, { rows }) => sum + rows.postgres + rows.sqlite, 0),
    sizeBytes: fresh.reduce((sum, { file }) => sum + file.sizeBytes, 0),
    removedDays: staged.filter(({ day, file }) => file === undefined && day in manifest.days).length,
  };
}

/** Fingerprints, digests and left-out rows of a written day: those of the kinds that were read anew, the others' as they
 * were. */
function toManifestDay(
  { day, file, rows, badRows, digests }: StagedDay,
  before: ManifestDay | undefined,
  { schema, name, read }: { readonly schema: string; readonly name: string; readonly read: readonly Source[] },
): ManifestDay {
  const fingerprints: Record<string, string> = { ...before?.fingerprints };
  const keys: Record<string, string> = { ...before?.keys };
  const skipped: Record<string, number> = { ...before?.skipped };
  const all: Record<string, string> = { ...before?.digests };
  for (const source of read) {
    const keysNow = source.kind === "sqlite" ? source.keys : undefined;
    if (keysNow?.has(day) || !source.partial) setOrDelete(keys, source.key, keysNow?.get(day));
    if (source.partial) continue;
    setOrDelete(fingerprints, source.key, markOf(source, day));
    if (source.kind === "postgres") setOrDelete(all, source.kind, digests[source.kind]);
    delete skipped[source.kind];
  }
  for (const { source } of badRows) skipped[source] = (skipped[source] ?? 0) + 1;
  const { sizeBytes, sha256, firstMicros, lastMicros } = file!;
  return {
    files: [{ file: name, sizeBytes, sha256 }],
    rows,
    firstMicros,
    lastMicros,
    schema,
    fingerprints,
    digests: all,
    keys,
    skipped,
  };
}

function setOrDelete(record: Record<string, string>, key: string, value: string | undefined): void {
  if (value === undefined) delete record[key];
  else record[key] = value;
}

/** A day whose rows were read and are what they were: only its fingerprint is another one. */
function confirmed(entry: ManifestDay, day: Day, sources: readonly Source[]): ManifestDay {
  const source = sources.find(({ kind }) => kind === "postgres")!;
  return { ...entry, fingerprints: { ...entry.fingerprints, [source.key]: markOf(source, day)! } };
}

/** The manifest with its source and the state that its fingerprints rely on.
 *
 * A state is taken over only when every fingerprint was taken at it or before it on the same way forward, and nothing up
 * to it can be lost in a crash.
 */
async function withSource(next: Manifest, options: PublishOptions): Promise<Manifest> {
  const { manifest, sources, range, isForward } = options;
  const source = sources.find((source) => source.kind === "postgres");
  if (source?.log === undefined) return next;
  const { id, start, timeline, position } = source.log.state;
  const isSame = Object.keys(next.days).concat(Object.keys(manifest.days)).every((day) =>
    next.days[day]?.fingerprints[source.key] === manifest.days[day]?.fingerprints[source.key]
  );
  const isAll = Object.entries(next.days).every(([day, { fingerprints }]) =>
    fingerprints[source.key] === undefined || isInRange(day, range)
  );
  if ((isForward && isSame) || !(isForward || isAll)) return { ...next, source: id };
  return { ...next, source: id, state: await source.log.isFlushed() ? { id, start, timeline, position } : null };
}
