import type { Day } from "../dataset/day.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { type ExportPlan, planExport, settleRereads } from "./plan.ts";
import { formatMark } from "../parquet/file_mark.ts";
import { createDay, type Damage, filePath } from "../lake/lake.ts";
import { refuseForeign } from "../lake/guard.ts";
import type { OpenLane } from "./lanes.ts";
import { columnPairs, type Manifest, rowsOf } from "../lake/manifest.ts";
import type { ExportContext, ExportRequest } from "./request.ts";
import { publish, type Published } from "./publish.ts";
import { redactedIn, type RedactionRequest, refuseRedaction } from "../lake/redaction.ts";
import {
  type BadRow,
  isInRange,
  type Source,
  SOURCE_KINDS,
  type SourceKind,
  type TableSource,
} from "../dataset/source.ts";
import { hasOnlyGoneForward } from "../dataset/source_state.ts";
import { HARNESS_ROW_KEY } from "../sources/harness.ts";
import type { StagedDay } from "./day_stager.ts";
import { stageDays } from "./stage.ts";
import { readDigests } from "./reread.ts";
import { defaultThreads, openThreadPool, type ThreadPool, type ThreadPoolOptions } from "../threads/pool.ts";
import type { Workers } from "../threads/workers.ts";
import { sha256 } from "../task/digest.ts";

/** What an export of one lane needs beside its sources. */
export interface ExportOptions extends
  Pick<
    ExportRequest,
    | "range"
    | "full"
    | "verify"
    | "allowShrink"
    | "newSource"
    | "skipBadRows"
    | "missingOnly"
    | "threads"
    | "writer"
  >,
  Pick<RedactionRequest, "lane" | "requested">,
  Pick<ExportContext, "signal">,
  Pick<OpenLane, "place" | "manifest" | "dataset"> {
  readonly workers: Workers;
  readonly events: ExportEvents;
}

/** What an export tells while it runs. */
export interface ExportEvents {
  note(text: string): void;
  /** A file that is not as it was written. */
  damage(damage: Damage): void;
  badRow(row: BadRow): void;
  /** Rows read so far, of how many. */
  progress(rows: number, total: number): void;
}

/** What an export has done. */
export interface ExportResult extends Published {
  readonly plan: ExportPlan;
}

/** The plan of an export; nothing is done but to read. */
export async function planLane(sources: readonly Source[], options: ExportOptions): Promise<ExportPlan> {
  const { place, range, manifest, events } = options;
  refuseRedaction(options);
  takeSource(sources, options);
  const damages = (await place.findDamage(options.verify)).filter(({ day }) => isInRange(day, range));
  damages.forEach(events.damage);
  const unknown = damages.filter(({ isUnknown }) => isUnknown);
  const looksAt = (day: Day) => sources.some(({ partial, days }) => !partial || days.has(day));
  const theirs = unknown.filter(({ day }) => looksAt(day)).map(({ day, file }) => filePath(day, file));
  await refuseForeign(place.directory, theirs, options);
  const plan = planExport({
    ...options,
    sources,
    schema: schemaDigest(options),
    damaged: new Set(damages.map(({ day }) => day)),
    unknownFiles: new Map(
      [...Map.groupBy(unknown, ({ day }) => day)].map(([day, files]) => [day, files.map(({ file }) => file)]),
    ),
    reread: options.full || options.verify || !isForward(sources, manifest),
  });
  return settleRereads(plan, manifest, await readAgain(plan, sources, options));
}

/** Brings a lane up to its sources: every day is staged and verified before the first one becomes visible.
 *
 * The caller holds the lane's lock and has recovered it.
 */
export async function exportLane(sources: readonly Source[], options: ExportOptions): Promise<ExportResult> {
  const { place, manifest, dataset } = options;
  const plan = await planLane(sources, options);
  try {
    const staged = plan.writes.length === 0 ? [] : await stage(plan, sources, options);
    staged.flatMap(({ badRows }) => badRows).forEach(options.events.badRow);
    expectAllRows(staged, plan, { ...options, sources });
    options.signal.throwIfAborted();
    const published = await publish(staged, {
      ...options,
      next: { columns: columnPairs(dataset.columns), redacted: redactedIn(dataset) },
      schema: schemaDigest(options),
      plan,
      sources,
      isForward: isForward(sources, manifest),
    });
    return { plan, ...published };
  } catch (error) {
    await place.recover().catch(() => {});
    throw error;
  }
}

async function stage(plan: ExportPlan, sources: readonly Source[], options: ExportOptions): Promise<StagedDay[]> {
  const { place: { directory }, dataset, missingOnly, signal } = options;
  for (const { day } of plan.writes) await createDay(directory, day);
  using pool = openThreads(options, { kind: options.writer, code: await engineCode(plan, options) });
  const metadata = formatMark({ dataset: dataset.name, redacted: redactedIn(dataset) });
  const onRows = progressOf(plan.writes, options);
  const { note } = options.events;
  return await stageDays(plan.writes, sources, {
    directory,
    pool,
    dataset,
    metadata,
    missingOnly,
    signal,
    onRows,
    note,
  });
}

function progressOf(plans: ExportPlan["writes"], { events }: ExportOptions): (rows: number) => void {
  const total = plans.reduce((sum, { rows }) => sum + rows.postgres + rows.sqlite, 0);
  let read = 0;
  return (rows) => events.progress(read += rows, total);
}

/** Digests of the tuples of the days whose fingerprints say nothing. */
async function readAgain(
  { rereads }: ExportPlan,
  sources: readonly Source[],
  options: ExportOptions,
): Promise<ReadonlyMap<Day, string>> {
  const table = tableOf(sources);
  if (table === undefined || rereads.length === 0) return new Map();
  const onRows = progressOf(rereads, options);
  using pool = openThreads(options);
  return await readDigests(table, rereads.map(({ day }) => day), {
    ...options,
    pool,
    onRows,
    note: options.events.note,
  });
}

function tableOf(sources: readonly Source[]): TableSource | undefined {
  return sources.find((source) => source.kind === "postgres");
}

/** The engine's code, where it will be needed. */
async function engineCode(
  { writes }: ExportPlan,
  { writer, workers }: ExportOptions,
): Promise<WebAssembly.Module | undefined> {
  const needsEngine = writer === "duckdb" && writes.some(({ rows }) => rows.postgres + rows.sqlite > 0);
  return needsEngine || writes.some(({ kept }) => kept.length > 0) ? await workers.code() : undefined;
}

/** Threads that read, and where `kind` says who writes also write. */
function openThreads(
  { dataset, skipBadRows, threads = defaultThreads(), workers }: ExportOptions,
  writes: Pick<ThreadPoolOptions, "kind" | "code"> = {},
): ThreadPool {
  const writer = { dataset, rowKey: HARNESS_ROW_KEY };
  return openThreadPool({ ...writes, writer, skipBadRows, threads, workers });
}

/** Whether fingerprints can be compared: the source's log has only gone forward since they were taken. */
function isForward(sources: readonly Source[], { state }: Manifest): boolean {
  const now = tableOf(sources)?.log?.state;
  return now === undefined || (state !== null && hasOnlyGoneForward(state, now));
}

/** Refuses a Postgres that is not the lane's, and tells what follows from where it stands.
 *
 * Errors: TaskError (exit 3) naming both.
 */
function takeSource(
  sources: readonly Source[],
  { lane, manifest, newSource, full, verify, events }: ExportOptions,
): void {
  const now = tableOf(sources)?.log?.state;
  if (now === undefined) return;
  const mirrored = Object.values(manifest.days).some((day) => rowsOf(day, "postgres") > 0);
  if (manifest.source === null) {
    if (mirrored) events.note(`Lane ${lane} takes ${now.id} as its source from now on`);
  } else if (manifest.source !== now.id && !newSource) {
    throw new TaskError(
      `Cannot export to lane "${lane}": it mirrors ${manifest.source}, and this is ${now.id}; ` +
        `check the database URL, or add --new-source to replace its rows`,
      EXIT.refused,
    );
  }
  const hasDigests = Object.values(manifest.days).some(({ digests }) => digests.postgres !== undefined);
  if (full || verify || !hasDigests || isForward(sources, manifest)) return;
  events.note(`Reading every day again: ${whyAgain(manifest, now.id)}`);
}

function whyAgain({ source, state }: Manifest, id: string): string {
  if (source !== id) return `the lane mirrored ${source} before`;
  if (state === null) return "the last export could not wait for the server's log to be on its disk";
  return "the server was restarted, restored or failed over since the last export";
}

/** What `expectAllRows` compares with. */
interface Expected extends Pick<ExportOptions, "manifest" | "missingOnly"> {
  readonly sources: readonly Source[];
}

/** Counts once more, from end to end: a source's rows of a day were all read; the day's file holds what was read, beside
 * what SQLite had in it before; and it holds what it held of a kind that was not read.
 */
function expectAllRows(staged: readonly StagedDay[], { writes }: ExportPlan, expected: Expected): void {
  for (const [index, one] of staged.entries()) {
    for (const kind of SOURCE_KINDS) {
      const [wanted, found, held] = writes[index].kinds.includes(kind)
        ? countsOf(one, kind, expected)
        : [rowsOf(expected.manifest.days[one.day], kind), one.rows[kind], one.rows[kind]];
      if (found === wanted && (kind === "sqlite" ? held >= found : held === found)) continue;
      throw new TaskError(
        `Cannot export day "${one.day}": ${
          Math.min(found, held)
        } of its ${wanted} rows of ${kind} were staged, nothing was replaced; run the export again with --verify`,
      );
    }
  }
}

/** Rows that sources have of a day, those that were read, and those that its file holds or that were left out. */
function countsOf(
  { day, rows, read, badRows }: StagedDay,
  kind: SourceKind,
  { sources, missingOnly }: Expected,
): [wanted: number, found: number, held: number] {
  const ours = sources.filter((source) => source.kind === kind);
  const all = ours.reduce((sum, { days }) => sum + (days.get(day)?.rows ?? 0), 0);
  const leftOut = badRows.filter(({ source }) => source === kind).length;
  return [missingOnly ? read[kind] : all, read[kind], rows[kind] + leftOut];
}

/** Changes whenever files written from now on would have other columns, types, redactions or another form. */
function schemaDigest({ dataset }: Pick<ExportOptions, "dataset">): string {
  return sha256(JSON.stringify([2, columnPairs(dataset.columns), redactedIn(dataset)]));
}
