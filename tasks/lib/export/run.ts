import { join } from "node:path";
import { createBlockPool } from "../copy/block_pool.ts";
import { openDatabase } from "../postgres/database.ts";
import type { Dataset } from "../dataset/dataset.ts";
import { type ExportedDataset, readDatasets } from "../dataset/datasets.ts";
import type { Day } from "../dataset/day.ts";
import { exportLane, type ExportOptions, type ExportResult, planLane } from "./lane.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { filePath, laneName } from "../lake/lake.ts";
import { lockLanes, openLane, redactedInEnv } from "../lake/lane.ts";
import { unfinishedPath } from "../task/files.ts";
import type { Manifest } from "../lake/manifest.ts";
import { closeConnection } from "../postgres/connection.ts";
import { withPostgresSources } from "../sources/postgres.ts";
import { redact, refuseColumns } from "../lake/redaction.ts";
import type { Report } from "../task/console.ts";
import { toServerFailure } from "../postgres/server_failure.ts";
import type { Settings } from "../task/settings.ts";
import type { BadRow, DayRange, Source } from "../dataset/source.ts";
import { type HarnessDatabase, openHarness } from "../sources/harness_file.ts";
import { harnessKey, MAX_KEPT_BYTES, readHarness } from "../sources/harness.ts";

/** What one run of an export is asked to do. */
export interface ExportRequest {
  /** Names of the datasets; all that the sources can have where undefined. */
  readonly datasets?: readonly string[];
  /** Whether the Postgres of the settings is a source. */
  readonly postgres: boolean;
  /** Harness files that are sources; those named later win where they hold the same execution. */
  readonly sqlitePaths: readonly string[];
  /** The one harness run to append; everything where undefined. */
  readonly run?: string;
  /** Whether of the harness only what the lane lacks is appended. */
  readonly missingOnly: boolean;
  /** Days to look at. */
  readonly range: DayRange;
  /** Columns that leave as NULL; those of the lane where undefined. */
  readonly redacted?: readonly string[];
  /** Whether every day of Postgres is read, and not only those whose fingerprint has changed. */
  readonly full: boolean;
  /** Whether only the plan is wanted. */
  readonly dryRun: boolean;
  /** Whether every byte of the existing files is looked at. */
  readonly verify: boolean;
  /** Whether Postgres may lose more than half of its days or rows. */
  readonly allowShrink: boolean;
  /** Whether another Postgres may take the lane over. */
  readonly newSource: boolean;
  /** Whether rows without a representation are left out. */
  readonly skipBadRows: boolean;
  /** How long to wait for the lane, and for the embedded database. */
  readonly waitMs: number;
  /** How long Postgres may send nothing between two rows. */
  readonly idleMs: number;
}

/** The request of an export without flags or sources. */
export const DEFAULT_REQUEST: ExportRequest = {
  postgres: false,
  sqlitePaths: [],
  range: {},
  full: false,
  dryRun: false,
  verify: false,
  allowShrink: false,
  newSource: false,
  skipBadRows: false,
  missingOnly: false,
  waitMs: 60_000,
  idleMs: 60_000,
};

/** How long Postgres may work before it sends anything: it compares all days, and may have to sort all rows. */
const START_MS = 600_000;

/** What a run has done, and where. */
export interface ExportOutcome extends ExportResult {
  /** Name of the lane. */
  readonly lane: string;
  /** Its directory. */
  readonly directory: string;
}

/** What a run works with. */
export interface ExportContext {
  /** The environment, its database and the directory of the lanes. */
  readonly settings: Settings;
  /** Where warnings and progress go. */
  readonly report: Report;
  /** Ends the export early. */
  readonly signal: AbortSignal;
}

/** Exports datasets to the lanes of the settings' environment, under the lanes' locks, all of them from one snapshot.
 *
 * `onLane` is told what has become of each lane, as soon as it is done; a failure leaves those behind it as they were.
 */
export async function runExport(
  request: ExportRequest,
  context: ExportContext,
  onLane: (outcome: ExportOutcome) => void,
): Promise<void> {
  const { settings: { env, exportDir }, report, signal } = context;
  const datasets = await pickDatasets(request);
  refuseColumns(datasets, request.redacted ?? []);
  const named = datasets.map((dataset) => ({ dataset, name: laneName(env, dataset) }));
  const onWait = (lane: string, holder: string) => report.note(`Waiting for lane ${lane}, which ${holder} holds`);
  await using _locks = request.dryRun ? undefined : await lockLanes(exportDir, named, { ...request, signal, onWait });
  const lanes = await Promise.all(named.map((lane) => openLane(exportDir, lane, request.redacted)));
  const inEnv = await redactedInEnv(exportDir, env, lanes);
  const blocks = createBlockPool();
  const jobs = lanes.map((lane) => {
    const badRows: BadRow[] = [];
    const dataset = redact(lane.dataset, request.redacted ?? [], inEnv);
    const options: ExportOptions = {
      ...request,
      ...lane,
      dataset,
      lane: lane.name,
      requested: request.redacted,
      blocks,
      signal,
      events: {
        note: (text) => report.note(text),
        damage: ({ day, file, finding }) => report.warn(`${lane.name}/${filePath(day, file)} ${finding}`),
        badRow: (row) => badRows.push(row),
        progress: createProgress(report),
      },
    };
    return { dataset, options, badRows };
  });
  await withSources(request, jobs, context, async ({ options, badRows }, sources) => {
    const { lane, directory, dataset } = options;
    const result = request.dryRun
      ? { plan: await planLane(sources, options), files: 0, rows: 0, sizeBytes: 0, removedDays: 0 }
      : await exportLane(sources, options);
    reportBadRows(dataset, badRows, report);
    onLane({ ...result, lane, directory });
  });
}

/** The datasets of a request: those that are named, or all that its sources can have.
 *
 * Errors: TaskError (exit 2) for a dataset that none of its sources has.
 */
async function pickDatasets({ datasets: names, postgres }: ExportRequest): Promise<ExportedDataset[]> {
  const datasets = await readDatasets(names);
  if (postgres) return datasets;
  const ours = datasets.filter(({ sqlite }) => sqlite !== undefined);
  if (names === undefined || ours.length === datasets.length) return ours;
  const [other] = datasets.filter(({ sqlite }) => sqlite === undefined);
  throw new TaskError(`Cannot export "${other.name}": a harness has none; leave out --from`, EXIT.usage);
}

/** One lane's part of a run. */
interface Job {
  readonly dataset: ExportedDataset;
  readonly options: ExportOptions;
  readonly badRows: BadRow[];
}

/** Opens the sources, gives each lane's to `act` while they hold one state, one lane after another, and closes them. */
async function withSources(
  request: ExportRequest,
  jobs: readonly Job[],
  context: ExportContext,
  act: (job: Job, sources: readonly Source[]) => Promise<void>,
): Promise<void> {
  const { settings, report, signal } = context;
  using stack = new DisposableStack();
  const files = new Map<Job, readonly Source[]>();
  for (const job of jobs) files.set(job, await openFiles(request, job, { ...context, stack }));
  const actOn = async (job: Job, ...first: Source[]) => await act(job, [...first, ...files.get(job)!]);
  if (!request.postgres) {
    for (const job of jobs) await actOn(job);
    return;
  }
  await using database = await openDatabase(settings.target, { report, signal, embeddedWaitMs: request.waitMs });
  // A query that runs or waits for a lock, or a stream that is left early, would hold the process until it ends.
  const cut = () => closeConnection(database.sql, 0);
  signal.addEventListener("abort", cut);
  const acts: Promise<void>[] = [];
  try {
    await withPostgresSources(database.sql, {
      tables: jobs.map(({ dataset, options }) => ({
        dataset,
        onUnlisted: (column) =>
          report.warn(`Column "${column}" of ${dataset.name} is not exported; add it to ${dataset.file}`),
        onBadRow: request.skipBadRows ? options.events.badRow : undefined,
      })),
      origin: database.origin,
      patience: { label: database.label, idleMs: request.idleMs, startMs: Math.max(START_MS, request.idleMs) },
      range: request.range,
      blocks: jobs[0].options.blocks,
    }, async (tables) => {
      const work = async () => {
        refuseMissing(request, jobs, { tables, report });
        for (const [index, job] of jobs.entries()) if (tables[index]) await actOn(job, tables[index]);
      };
      acts.push(work());
      await acts[0].catch(cut);
    });
  } catch (error) {
    // A lost connection ends the transaction at once; once `act` has begun, only its own end counts.
    if (acts.length === 0) acts.push(Promise.reject(error));
  } finally {
    signal.removeEventListener("abort", cut);
  }
  try {
    await acts[0];
  } catch (error) {
    throw toServerFailure(error, { verb: "export", label: database.label, local: database.local });
  }
}

/** Refuses tables that are not there where they were named or not one is; tells which others are left out.
 *
 * Errors: TaskError naming the table.
 */
function refuseMissing(
  { datasets: names }: ExportRequest,
  jobs: readonly Job[],
  { tables, report }: { readonly tables: readonly (Source | undefined)[]; readonly report: Report },
): void {
  const missing = jobs.filter((_, index) => tables[index] === undefined);
  for (const { dataset: { name, table } } of missing) {
    if (names !== undefined || missing.length === jobs.length) {
      throw new TaskError(`Cannot export "${name}": table ${table} does not exist; run deno task migrate`);
    }
    report.note(`Left out dataset ${name}: table ${table} does not exist`);
  }
}

/** The harness files of a run as sources of one lane; none where harness files have nothing of its dataset. */
async function openFiles(
  request: ExportRequest,
  { dataset, options: { directory, manifest, range, events } }: Job,
  { report, signal, stack }: ExportContext & { readonly stack: DisposableStack },
): Promise<readonly Source[]> {
  if (dataset.sqlite === undefined) return [];
  let leftOut = 0;
  const leaveOut = (row: BadRow) => {
    leftOut++;
    events.badRow(row);
  };
  const onBadRow = request.skipBadRows ? leaveOut : undefined;
  const home = request.dryRun ? await Deno.makeTempDir({ prefix: "heretix-" }) : directory;
  if (request.dryRun) stack.defer(() => Deno.removeSync(home, { recursive: true }));
  const opened: HarnessDatabase[] = [];
  for (const path of request.sqlitePaths) {
    const scratch = unfinishedPath(join(home, "harness"));
    const pick = request.missingOnly ? pickDays(path, manifest) : undefined;
    opened.push(stack.use(await openHarness(path, { scratch, range, run: request.run, pick, signal })));
  }
  const harnesses = [...new Map(opened.map((harness) => [harness.path, harness])).values()];
  const keptBytes = MAX_KEPT_BYTES / harnesses.length;
  const partial = request.run !== undefined || request.missingOnly;
  const options = { dataset, select: dataset.sqlite, range, partial, onBadRow, keptBytes };
  const files: Source[] = [];
  // The last one first: what it holds is left out of those before it.
  for (const harness of harnesses.toReversed()) {
    const superseded = new Set(files.flatMap(({ supersedes }) => supersedes.flat()));
    let lostSeeds = 0;
    const onLostSeed = () => void lostSeeds++;
    files.unshift(await readHarness(harness, { ...options, superseded, signal, onLostSeed }));
    if (lostSeeds > 0) {
      report.warn(`${lostSeeds} seeds in ${harness.path} are REAL and have lost their digits; they are NULL`);
    }
  }
  if (request.run !== undefined && leftOut === 0 && files.every(({ days }) => days.size === 0)) {
    throw new TaskError(
      `Cannot export run "${request.run}": ${
        request.sqlitePaths.join(", ")
      } has no such run; check RUN_ID and --sqlite`,
    );
  }
  return files;
}

/** The days of a harness file whose rows are not all in the lane. */
function pickDays(path: string, { days }: Manifest): (keys: ReadonlyMap<Day, string>) => ReadonlySet<Day> {
  return (keys) => {
    const key = harnessKey(Deno.realPathSync(path));
    return new Set([...keys].filter(([day, digest]) => days[day]?.keys[key] !== digest).map(([day]) => day));
  };
}

/** How many left-out rows are named one by one. */
const NAMED_ROWS = 20;

function reportBadRows({ label }: Dataset, rows: readonly BadRow[], report: Report): void {
  for (const { name, finding } of rows.slice(0, NAMED_ROWS)) {
    report.warn(`Left out ${label.noun} "${name}": ${finding}`);
  }
  if (rows.length > 0) report.warn(`${rows.length} rows were left out`);
}

/** Prints rows, rate and time left, a few times a second. */
function createProgress(report: Report): (rows: number, total: number) => void {
  const start = performance.now();
  let shown = 0;
  return (rows, total) => {
    const now = performance.now();
    if (now - shown < 200) return;
    shown = now;
    const perSecond = rows / ((now - start) / 1000);
    const left = Math.ceil(Math.max(0, total - rows) / perSecond);
    report.progress(`${rows} of ${total} rows, ${Math.round(perSecond)} rows/s, ${left} s left`);
  };
}
