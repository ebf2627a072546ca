import { relative } from "node:path";
import type { BlockPool } from "./block_pool.ts";
import type { Column } from "./dataset.ts";
import type { Day } from "./day.ts";
import { compileDuckDb } from "./duckdb_code.ts";
import { EXIT, TaskError } from "./errors.ts";
import { type ExportPlan, markOf, planExport } from "./export_plan.ts";
import {
  commit,
  createDay,
  type Damage,
  findDamage,
  listParts,
  partFile,
  partPath,
  recover,
  removeFile,
} from "./lake.ts";
import { formatManifest, type Manifest, type ManifestDay, type ManifestPart, rowsOf } from "./manifest.ts";
import type { StagedPart } from "./part_messages.ts";
import { openPartPool } from "./part_pool.ts";
import type { BadRow } from "./part_writer.ts";
import { type DayRange, fieldOrder, isInRange, type Source, SOURCE_KINDS } from "./source.ts";
import { stageDays, type StagedDay } from "./stage.ts";

/** What an export needs beside its sources. */
export interface ExportOptions {
  /** Name of the lane. */
  readonly lane: string;
  /** Its directory. */
  readonly directory: string;
  /** What the lane holds now. */
  readonly manifest: Manifest;
  /** Columns in file order. */
  readonly columns: readonly Column[];
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
  /** Days to look at. */
  readonly range: DayRange;
  /** Whether unchanged days are written too. */
  readonly full: boolean;
  /** Whether Postgres may lose more than half of its days or rows. */
  readonly allowShrink: boolean;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
  /** Memory for tuples, shared with the sources. */
  readonly blocks: BlockPool;
  /** Whether every byte of the existing files is looked at. */
  readonly verify: boolean;
  /** Ends the export early. */
  readonly signal: AbortSignal;
  /** What is told on the way. */
  readonly events: ExportEvents;
}

/** What an export tells while it runs. */
export interface ExportEvents {
  /** A file that is not as it was written. */
  damage(damage: Damage): void;
  /** A row that was left out. */
  badRow(row: BadRow): void;
  /** Rows read so far, of how many. */
  progress(rows: number, total: number): void;
}

/** What an export has done. */
export interface ExportResult {
  /** What was to be done. */
  readonly plan: ExportPlan;
  /** Files that were replaced or added. */
  readonly files: number;
  /** Rows in them. */
  readonly rows: number;
  /** Bytes in them. */
  readonly sizeBytes: number;
  /** Days that are gone. */
  readonly removedDays: number;
}

/** The plan of an export, without anything done. */
export async function planLane(sources: readonly Source[], options: ExportOptions): Promise<ExportPlan> {
  const damages = await findDamage(options.directory, options.manifest, options.verify);
  damages.forEach(options.events.damage);
  return planExport({
    ...options,
    sources,
    schema: await schemaDigest(options),
    damaged: new Set(damages.map(({ day }) => day)),
  });
}

/** Brings a lane up to its sources: every part is staged and verified before the first one becomes visible.
 *
 * The caller holds the lane's lock and has recovered it.
 */
export async function exportLane(sources: readonly Source[], options: ExportOptions): Promise<ExportResult> {
  refuseRedaction(options);
  const plan = await planLane(sources, options);
  if (plan.writes.length === 0) {
    return { plan, files: 0, rows: 0, sizeBytes: 0, removedDays: 0 };
  }
  try {
    const staged = await stage(plan, sources, options);
    expectAllRows(staged, sources, options.manifest);
    options.signal.throwIfAborted();
    return await publish(plan, staged, sources, options);
  } catch (error) {
    await recover(options.directory).catch(() => {});
    throw error;
  }
}

async function stage(plan: ExportPlan, sources: readonly Source[], options: ExportOptions): Promise<StagedDay[]> {
  const { directory, columns, redacted, skipBadRows, signal, events } = options;
  for (const { day } of plan.writes) await createDay(directory, day);
  using pool = openPartPool({
    code: await compileDuckDb(),
    writer: { columns, fields: fieldOrder(columns), redacted },
    skipBadRows,
    superseded: plan.writes.some(({ kept }) => kept.length > 0) ? sources.flatMap(({ supersedes }) => supersedes) : [],
    blocks: options.blocks,
    threads: Math.min(2, navigator.hardwareConcurrency),
  });
  const total = plan.writes.reduce((sum, { rows }) => sum + rows, 0);
  let read = 0;
  const onRows = (rows: number) => events.progress(read += rows, total);
  const without = sources.some(({ kind }) => kind === "postgres") ? ["postgres"] : [];
  return await stageDays(plan.writes, sources, { directory, pool, without, signal, onRows });
}

/** Makes the staged parts visible; a part with the bytes that are there already is left alone. */
async function publish(
  plan: ExportPlan,
  staged: readonly StagedDay[],
  sources: readonly Source[],
  options: ExportOptions,
): Promise<ExportResult> {
  const { directory, manifest, columns, redacted } = options;
  const schema = await schemaDigest(options);
  const damaged = new Set(plan.writes.filter(({ reason }) => reason === "damaged").map(({ day }) => day));
  const days: Record<Day, ManifestDay> = { ...manifest.days };
  const fresh: { from: string; to: string; part: StagedPart }[] = [];
  const removals: string[] = [];
  for (const { day, parts, badRows } of staged) {
    badRows.forEach(options.events.badRow);
    const before = damaged.has(day) ? undefined : manifest.days[day];
    const entries = parts.map((part, index) => toManifestPart(partFile(index + 1), part));
    const obsolete = (await listParts(directory, day)).filter((name) => !entries.some(({ file }) => file === name));
    removals.push(...obsolete.map((name) => partPath(day, name)));
    for (const [index, part] of parts.entries()) {
      const { file, sha256 } = entries[index];
      if (before?.parts[index]?.sha256 === sha256) await removeFile(part.path);
      else fresh.push({ from: relative(directory, part.path), to: partPath(day, file), part });
    }
    if (parts.length === 0) delete days[day];
    else days[day] = { ...marksOf(day, before, sources, badRows), schema, parts: entries };
  }
  const pairs = columns.map(({ name, duckdbType }) => [name, duckdbType] as const);
  const next: Manifest = { ...manifest, columns: pairs, redacted, days };
  const isSame = fresh.length + removals.length === 0 && formatManifest(next) === formatManifest(manifest);
  const renames = fresh.map(({ from, to }) => ({ from, to }));
  if (!isSame) await commit(directory, { renames, removals, manifest: next });
  return {
    plan,
    files: fresh.length,
    rows: fresh.reduce((sum, { part }) => sum + totalOf(part.rows), 0),
    sizeBytes: fresh.reduce((sum, { part }) => sum + part.sizeBytes, 0),
    removedDays: staged.filter(({ day, parts }) => parts.length === 0 && day in manifest.days).length,
  };
}

/** Counts once more, from end to end: a day's parts hold what Postgres has of it, at least what SQLite has, and what
 * they held of a kind that is no source of this run.
 */
function expectAllRows(staged: readonly StagedDay[], sources: readonly Source[], manifest: Manifest): void {
  for (const kind of SOURCE_KINDS) {
    const ours = sources.filter((source) => source.kind === kind);
    for (const { day, parts, badRows } of staged) {
      const isKept = ours.length === 0;
      const expected = isKept
        ? rowsOf(manifest.days[day], kind)
        : ours.reduce((sum, { days }) => sum + (days.get(day)?.rows ?? 0), 0);
      const leftOut = badRows.filter(({ source }) => source === kind).length;
      const found = parts.reduce((sum, { rows }) => sum + (rows[kind] ?? 0), 0) + leftOut;
      if (isKept || kind === "postgres" ? found === expected : found >= expected) continue;
      throw new TaskError(
        `Cannot export day "${day}": ${found} of its ${expected} rows of ${kind} were staged, nothing was replaced; run the export again with --verify`,
      );
    }
  }
}

function totalOf(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

function toManifestPart(
  file: string,
  { rows, sizeBytes, sha256, minCreatedAt, maxCreatedAt }: StagedPart,
): ManifestPart {
  return { file, rows, sizeBytes, sha256, minCreatedAt, maxCreatedAt };
}

/** Fingerprints and left-out rows of a written day: those of this run's sources anew, the others' as they were. */
function marksOf(
  day: Day,
  before: ManifestDay | undefined,
  sources: readonly Source[],
  badRows: readonly BadRow[],
): Pick<ManifestDay, "fingerprints" | "skipped"> {
  const fingerprints: Record<string, string> = { ...before?.fingerprints };
  const skipped: Record<string, number> = { ...before?.skipped };
  for (const source of sources.filter(({ partial }) => !partial)) {
    const mark = markOf(source, day);
    if (mark === undefined) delete fingerprints[source.key];
    else fingerprints[source.key] = mark;
    delete skipped[source.kind];
  }
  for (const { source } of badRows) skipped[source] = (skipped[source] ?? 0) + 1;
  return { fingerprints, skipped };
}

/** Changes whenever files written from now on would have other columns, types or redactions. */
async function schemaDigest({ columns, redacted }: Pick<ExportOptions, "columns" | "redacted">): Promise<string> {
  const text = JSON.stringify([columns.map(({ name, duckdbType }) => [name, duckdbType]), [...redacted].sort()]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

/** Columns by which rows are found again. */
const KEYS = ["created_at", "source", "run_id", "execution_id"];

/** Rows that a source no longer has would stay NULL, so what a lane has redacted stays so; and what is redacted is so in
 * every day. */
function refuseRedaction({ lane, manifest, columns, redacted, range }: ExportOptions): void {
  for (const name of redacted) {
    const known = columns.some((column) => column.name === name);
    if (known && !KEYS.includes(name)) continue;
    const finding = known
      ? "rows are told apart by it; leave it out"
      : "the dataset has no such column; correct --redact";
    throw new TaskError(`Cannot redact column "${name}": ${finding}`, EXIT.usage);
  }
  const added = redacted.filter((name) => !manifest.redacted.includes(name));
  if (added.length > 0 && !Object.keys(manifest.days).every((day) => isInRange(day, range))) {
    throw new TaskError(
      `Cannot export to lane "${lane}": ${
        added.join(", ")
      } would stay in its other days; leave out --since and --until`,
      EXIT.refused,
    );
  }
  const lifted = manifest.redacted.filter((name) => !redacted.includes(name));
  if (lifted.length === 0) return;
  throw new TaskError(
    `Cannot export to lane "${lane}": it was written with ${
      lifted.join(", ")
    } redacted; export to another directory with --out`,
    EXIT.refused,
  );
}
