import { join } from "node:path";
import { createBlockPool } from "./block_pool.ts";
import { openDatabase } from "./database.ts";
import { type Dataset, parseDataset } from "./dataset.ts";
import type { Day } from "./day.ts";
import { exportLane, type ExportOptions, type ExportResult, planLane } from "./export.ts";
import { TaskError } from "./errors.ts";
import { lockFile } from "./file_lock.ts";
import { createLane, filePath, laneDirectory, listDays, LOCK, readManifest, removeEmptyLane } from "./lake.ts";
import { recover } from "./lane_commit.ts";
import { unfinishedPath } from "./lane_files.ts";
import { emptyManifest, type Manifest } from "./manifest.ts";
import type { BadRow } from "./chunk_writer.ts";
import { closeConnection } from "./postgres.ts";
import { withPostgresSource } from "./postgres_source.ts";
import type { Report } from "./report.ts";
import { toServerFailure } from "./server_failure.ts";
import type { Settings } from "./settings.ts";
import type { DayRange, Source } from "./source.ts";
import { type HarnessDatabase, openHarness } from "./sqlite.ts";
import { harnessKey, MAX_KEPT_BYTES, readHarness } from "./sqlite_source.ts";

/** What one run of an export is asked to do. */
export interface ExportRequest {
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

const POSTGRES_SELECT = "sql/export/checks.postgres.sql";
const SQLITE_SELECT = "sql/export/checks.sqlite.sql";

/** Exports the dataset "checks" to the lane of the settings' environment, under the lane's lock. */
export async function runExport(request: ExportRequest, context: ExportContext): Promise<ExportOutcome> {
  const { settings, report, signal } = context;
  const lane = settings.env;
  const directory = laneDirectory(settings.exportDir, lane);
  const dataset = parseDataset("checks", POSTGRES_SELECT, await Deno.readTextFile(POSTGRES_SELECT));
  await using _lock = request.dryRun ? undefined : await lockLane(directory, lane, { request, dataset, context });
  const manifest = await openManifest(directory, lane, { request, dataset });
  const badRows: BadRow[] = [];
  const options: ExportOptions = {
    ...request,
    lane,
    directory,
    manifest,
    ownership: { dataset, manifest },
    columns: dataset.columns,
    redacted: request.redacted ?? manifest.redacted,
    blocks: createBlockPool(),
    signal,
    events: {
      note: (text) => report.note(text),
      damage: ({ day, file, finding }) => report.warn(`${lane}/${filePath(day, file)} ${finding}`),
      badRow: (row) => badRows.push(row),
      progress: createProgress(report),
    },
  };
  const act = async (sources: readonly Source[]): Promise<ExportResult> => {
    if (!request.dryRun) return await exportLane(sources, options);
    return { plan: await planLane(sources, options), files: 0, rows: 0, sizeBytes: 0, removedDays: 0 };
  };
  const result = await withSources(request, dataset, options, context, act);
  reportBadRows(badRows, report);
  return { ...result, lane, directory };
}

interface LaneContext {
  readonly request: ExportRequest;
  readonly dataset: Dataset;
}

async function lockLane(
  directory: string,
  lane: string,
  { request, dataset, context: { report, signal } }: LaneContext & { readonly context: ExportContext },
): Promise<AsyncDisposable> {
  await createLane(directory);
  const lock = await lockFile(`${directory}/${LOCK}`, {
    what: `export lane "${lane}"`,
    waitMs: request.waitMs,
    signal,
    onWait: (holder) => report.note(`Waiting for lane ${lane}, which ${holder} holds`),
  });
  const release = async () => {
    await removeEmptyLane(directory);
    lock[Symbol.dispose]();
  };
  try {
    await recover(directory, dataset);
    return { [Symbol.asyncDispose]: release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The lane's manifest; one made from its files where it was lost, so that no source's rows are. */
async function openManifest(directory: string, lane: string, { request, dataset }: LaneContext): Promise<Manifest> {
  const manifest = await readManifest(directory, dataset.name);
  if (manifest !== undefined) return manifest;
  const hasDays = (await listDays(directory)).length > 0;
  if (!hasDays) return emptyManifest(dataset.name, dataset.columns);
  const { adoptLane } = await import("./adopt.ts");
  return await adoptLane(directory, { dataset, lane, redacted: request.redacted });
}

/** Opens the sources, gives them to `act` while they hold one state, and closes them. */
async function withSources<T>(
  request: ExportRequest,
  dataset: Dataset,
  { directory, manifest, redacted, range, blocks, events }: ExportOptions,
  context: ExportContext,
  act: (sources: readonly Source[]) => Promise<T>,
): Promise<T> {
  const { settings, report, signal } = context;
  using stack = new DisposableStack();
  const select = await Deno.readTextFile(SQLITE_SELECT);
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
  const options = { dataset, select, range, partial, redacted, onBadRow, keptBytes };
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
  if (!request.postgres) return await act(files);
  await using database = await openDatabase(settings.target, { report, signal, embeddedWaitMs: request.waitMs });
  // A query that runs or waits for a lock, or a stream that is left early, would hold the process until it ends.
  const cut = () => closeConnection(database.sql, 0);
  signal.addEventListener("abort", cut);
  const acts: Promise<T>[] = [];
  try {
    await withPostgresSource(database.sql, {
      dataset,
      origin: database.origin,
      patience: { label: database.label, idleMs: request.idleMs, startMs: Math.max(START_MS, request.idleMs) },
      range,
      blocks,
      redacted,
      onUnlisted: (column) => report.warn(`Column "${column}" of checks is not exported; add it to ${POSTGRES_SELECT}`),
      onBadRow,
    }, async (postgres) => {
      acts.push(act([postgres, ...files]));
      await acts[0].catch(cut);
    });
  } catch (error) {
    // A lost connection ends the transaction at once; once `act` has begun, only its own end counts.
    if (acts.length === 0) acts.push(Promise.reject(error));
  } finally {
    signal.removeEventListener("abort", cut);
  }
  try {
    return await acts[0];
  } catch (error) {
    throw toServerFailure(error, { verb: "export", label: database.label, local: database.local });
  }
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

function reportBadRows(rows: readonly BadRow[], report: Report): void {
  for (const { run, finding } of rows.slice(0, NAMED_ROWS)) report.warn(`Left out run "${run}": ${finding}`);
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
