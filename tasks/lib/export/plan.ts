import type { Day } from "../dataset/day.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { type Manifest, type ManifestDay, type ManifestFile, rowsOf } from "../lake/manifest.ts";
import { isInRange, type Source, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";
import type { ExportRequest } from "./request.ts";

/** Why a day is written. */
export type Reason = "new" | "changed" | "vanished" | "damaged" | "schema" | "source" | "skipped" | "run";

/** One day that will be written. */
export interface DayPlan {
  readonly day: Day;
  readonly reason: Reason;
  /** Kinds of source whose rows are read anew; of the others, its files' rows stay. */
  readonly kinds: readonly SourceKind[];
  /** Rows that those have of it. */
  readonly rows: Readonly<Record<SourceKind, number>>;
  /** Existing files whose rows of other kinds, or of SQLite files not at hand, stay. */
  readonly kept: readonly ManifestFile[];
  /** Whether those files have today's columns and form, so that their row groups can stay as they are. */
  readonly isCurrent: boolean;
}

/** What an export will do: plain data. */
export interface ExportPlan {
  /** Days to write, ascending. A day that ends up without a row is removed. */
  readonly writes: readonly DayPlan[];
  /** Days whose rows of Postgres are to be read and compared with what they were: only those that differ are written. */
  readonly rereads: readonly DayPlan[];
  /** Days of the lane or the sources that stay as they are. */
  readonly unchanged: number;
  /** By day that is written, files that the manifest does not know. */
  readonly unknownFiles: ReadonlyMap<Day, readonly string[]>;
}

/** What a plan is made from. */
export interface PlanInput
  extends Pick<ExportRequest, "range" | "allowShrink" | "skipBadRows">, Pick<ExportPlan, "unknownFiles"> {
  readonly lane: string;
  readonly manifest: Manifest;
  /** The sources of this run; kinds may repeat. */
  readonly sources: readonly Pick<Source, "kind" | "key" | "identity" | "days" | "partial">[];
  /** Digest of today's columns and redactions. */
  readonly schema: string;
  /** Days whose files are not those of the manifest. */
  readonly damaged: ReadonlySet<Day>;
  /** Whether the fingerprints of Postgres mean nothing, so that every day is read. */
  readonly reread: boolean;
}

/** The days to write, each with its reason, and those to read first.
 *
 * Postgres mirrors: days it no longer has lose its rows. SQLite appends: rows that its files no longer have stay. A
 * source that looks at some rows alone leaves all other days as they are, damaged or not.
 *
 * Errors: TaskError (exit 3) when Postgres would lose more than half of its days or rows; TaskError (exit 1) when a
 * damaged day holds rows of a source that is not in this run.
 */
export function planExport(input: PlanInput): ExportPlan {
  if (!input.allowShrink) refuseShrink(input);
  const known = [...Object.keys(input.manifest.days), ...input.damaged];
  const all = new Set([...known, ...input.sources.flatMap(({ days }) => [...days.keys()])]);
  const isMine = (day: Day) => input.sources.some(({ partial, days }) => !partial || days.has(day));
  const days = [...all].filter((day) => isInRange(day, input.range) && isMine(day)).sort();
  const plans = days.flatMap((day) => planDay(input, day) ?? []);
  const writes = plans.filter(({ reason }) => reason !== "reread") as DayPlan[];
  const rereads = plans.filter(({ reason }) => reason === "reread").map((plan): DayPlan => ({
    ...plan,
    reason: "changed",
  }));
  return { writes, rereads, unchanged: days.length - plans.length, unknownFiles: input.unknownFiles };
}

/** The plan with what came of reading: days whose rows of Postgres are others than they were are written. */
export function settleRereads(
  { writes, rereads, unchanged, ...plan }: ExportPlan,
  manifest: Manifest,
  digests: ReadonlyMap<Day, string>,
): ExportPlan {
  const differ = rereads.filter(({ day }) => manifest.days[day].digests.postgres !== digests.get(day));
  return {
    ...plan,
    writes: [...writes, ...differ].sort((a, b) => a.day < b.day ? -1 : 1),
    rereads: rereads.filter((plan) => !differ.includes(plan)),
    unchanged: unchanged + rereads.length - differ.length,
  };
}

type Finding = Reason | "reread";

function planDay(input: PlanInput, day: Day): (Omit<DayPlan, "reason"> & { readonly reason: Finding }) | undefined {
  const before = input.manifest.days[day];
  const kindsIn = SOURCE_KINDS.filter((kind) => input.sources.some((source) => source.kind === kind));
  const whole = wholeReason(input, day, before);
  const findings = new Map(kindsIn.map((kind) => [kind, whole ?? kindReason(input, day, kind)]));
  const reasons = [...findings.values()].filter((reason) => reason !== undefined);
  // What is certain is written; what must be read first only matters where nothing else is.
  const reason = reasons.find((reason) => reason !== "reread") ?? reasons[0];
  if (reason === undefined) return undefined;
  const kinds = kindsIn.filter((kind) => findings.get(kind) !== undefined);
  const rows = { postgres: 0, sqlite: 0 };
  for (const { kind, days } of input.sources) if (kinds.includes(kind)) rows[kind] += days.get(day)?.rows ?? 0;
  if (input.damaged.has(day)) {
    refuseLostRows(input, day, before);
    return { day, reason, kinds, rows, kept: [], isCurrent: false };
  }
  const staying = SOURCE_KINDS.filter((kind) => kind === "sqlite" || !kinds.includes(kind));
  const kept = staying.some((kind) => rowsOf(before, kind) > 0) ? before.files : [];
  return { day, reason, kinds, rows, kept, isCurrent: before?.schema === input.schema };
}

/** A source's fingerprint of a day as it stands in the manifest. */
export function markOf({ identity, days }: Pick<Source, "identity" | "days">, day: Day): string | undefined {
  const fingerprint = days.get(day)?.fingerprint;
  return fingerprint && `${identity}/${fingerprint}`;
}

/** Why all of a day is written, whatever its sources say. */
function wholeReason({ damaged, schema }: PlanInput, day: Day, before: ManifestDay | undefined): Reason | undefined {
  if (damaged.has(day)) return "damaged";
  if (before === undefined) return "new";
  return before.schema === schema ? undefined : "schema";
}

/** Why a day's rows of one kind of source are read. */
function kindReason(input: PlanInput, day: Day, kind: SourceKind): Finding | undefined {
  const before = input.manifest.days[day];
  for (const source of input.sources.filter((source) => source.kind === kind)) {
    if (source.partial && source.days.has(day)) return "run";
    if (source.partial) continue;
    const now = markOf(source, day);
    const then = before.fingerprints[source.key];
    if (now === undefined && then === undefined) continue;
    if (now === undefined) return "vanished";
    if (then === undefined) return "new";
    if (!input.skipBadRows && before.skipped[kind]) return "skipped";
    const isSameTable = then.startsWith(`${source.identity}/`);
    if (kind === "postgres" && (input.reread || !isSameTable)) return before.digests.postgres ? "reread" : "source";
    if (then !== now) return "changed";
  }
  return undefined;
}

/** A damaged day can only be written anew from all the sources whose rows it held. */
function refuseLostRows({ lane, sources, allowShrink }: PlanInput, day: Day, before: ManifestDay | undefined): void {
  for (const kind of SOURCE_KINDS) {
    const held = rowsOf(before, kind);
    const ours = sources.filter((source) => source.kind === kind);
    const now = ours.reduce((sum, source) => sum + (source.days.get(day)?.rows ?? 0), 0);
    const complete = kind === "postgres" ? ours.length > 0 : now >= held;
    if (held === 0 || complete || (ours.length > 0 && allowShrink)) continue;
    throw new TaskError(
      `Cannot export day "${day}" of lane "${lane}": its files are damaged and held ${held} rows of ${kind}, ` +
        `of which this run has ${now}; export --from all with every SQLite file named`,
    );
  }
}

function refuseShrink({ lane, manifest, sources, range }: PlanInput): void {
  const source = sources.find(({ kind }) => kind === "postgres");
  if (source === undefined) return;
  const held = Object.entries(manifest.days)
    .filter(([day]) => isInRange(day, range))
    .map(([, day]) => rowsOf(day, "postgres")).filter((rows) => rows > 0);
  const heldRows = held.reduce((sum, rows) => sum + rows, 0);
  const rows = [...source.days.values()].reduce((sum, day) => sum + day.rows, 0);
  if (source.days.size * 2 >= held.length && rows * 2 >= heldRows) return;
  throw new TaskError(
    `Cannot export to lane "${lane}": the source has ${rows} rows on ${source.days.size} days, ` +
      `the lane ${heldRows} on ${held.length}; if that is right, add --allow-shrink`,
    EXIT.refused,
  );
}
