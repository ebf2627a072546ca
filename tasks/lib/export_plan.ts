import type { Day } from "./day.ts";
import { EXIT, TaskError } from "./errors.ts";
import { type Manifest, type ManifestDay, type ManifestPart, rowsOf } from "./manifest.ts";
import { type DayRange, isInRange, type Source, SOURCE_KINDS } from "./source.ts";

/** Why a day is written. */
export type Reason = "new" | "changed" | "vanished" | "damaged" | "schema" | "source" | "skipped" | "full" | "run";

/** One day that will be written. */
export interface DayPlan {
  /** The day. */
  readonly day: Day;
  /** Why it is written. */
  readonly reason: Reason;
  /** Rows that the sources of this run have of it. */
  readonly rows: number;
  /** Existing parts whose rows of other sources, or of SQLite files not at hand, stay. */
  readonly kept: readonly ManifestPart[];
}

/** What an export will do: plain data. */
export interface ExportPlan {
  /** Days to write, ascending. A day that ends up without a row is removed. */
  readonly writes: readonly DayPlan[];
  /** Days of the lane or the sources that stay as they are. */
  readonly unchanged: number;
}

/** What a plan is made from. */
export interface PlanInput {
  /** Name of the lane, for messages. */
  readonly lane: string;
  /** What the lane holds now. */
  readonly manifest: Manifest;
  /** The sources of this run; kinds may repeat. */
  readonly sources: readonly Pick<Source, "kind" | "key" | "identity" | "days" | "partial">[];
  /** Digest of today's columns and redactions. */
  readonly schema: string;
  /** Days whose files are not those of the manifest. */
  readonly damaged: ReadonlySet<Day>;
  /** Days to look at. */
  readonly range: DayRange;
  /** Whether unchanged days are written too. */
  readonly full: boolean;
  /** Whether Postgres may lose more than half of its days or rows. */
  readonly allowShrink: boolean;
  /** Whether days with left-out rows count as done. */
  readonly skipBadRows: boolean;
}

/** The days to write, each with its reason.
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
  const writes = days.flatMap((day) => planDay(input, day) ?? []);
  return { writes, unchanged: days.length - writes.length };
}

function planDay(input: PlanInput, day: Day): DayPlan | undefined {
  const reason = reasonOf(input, day);
  if (reason === undefined) return undefined;
  const rows = input.sources.reduce((sum, source) => sum + (source.days.get(day)?.rows ?? 0), 0);
  const before = input.manifest.days[day];
  if (input.damaged.has(day)) {
    refuseLostRows(input, day, before);
    return { day, reason, rows, kept: [] };
  }
  const mirrored = input.sources.some(({ kind }) => kind === "postgres");
  const kept = (before?.parts ?? []).filter((part) =>
    !mirrored || Object.entries(part.rows).some(([kind, rows]) => kind !== "postgres" && rows > 0)
  );
  return { day, reason, rows, kept };
}

/** A source's fingerprint of a day as it stands in the manifest. */
export function markOf({ identity, days }: Pick<Source, "identity" | "days">, day: Day): string | undefined {
  const fingerprint = days.get(day)?.fingerprint;
  return fingerprint && `${identity}/${fingerprint}`;
}

function reasonOf({ manifest, sources, schema, damaged, full, skipBadRows }: PlanInput, day: Day): Reason | undefined {
  const before = manifest.days[day];
  if (damaged.has(day)) return "damaged";
  if (before === undefined) return "new";
  if (before.schema !== schema) return "schema";
  for (const source of sources) {
    const { key, identity, kind, partial } = source;
    if (partial && source.days.has(day)) return "run";
    if (partial) continue;
    const now = markOf(source, day);
    const then = before.fingerprints[key];
    if (now === undefined && then === undefined) continue;
    if (now === undefined) return "vanished";
    if (then === undefined) return "new";
    if (!then.startsWith(`${identity}/`)) return "source";
    if (then !== now) return "changed";
    if (!skipBadRows && before.skipped[kind]) return "skipped";
    if (full) return "full";
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
