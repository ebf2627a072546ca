import { join } from "node:path";
import { openDatabase } from "../postgres/database.ts";
import type { ExportedDataset } from "../dataset/datasets.ts";
import type { Day } from "../dataset/day.ts";
import type { ExportOptions } from "./lane.ts";
import { TaskError } from "../task/errors.ts";
import { unfinishedPath } from "../task/files.ts";
import type { Manifest } from "../lake/manifest.ts";
import { closeConnection } from "../postgres/connection.ts";
import { withPostgresSources } from "../sources/postgres.ts";
import type { Report } from "../task/console.ts";
import { toServerFailure } from "../postgres/server_failure.ts";
import type { BadRow, FileSource, Source } from "../dataset/source.ts";
import { type HarnessDatabase, openHarness } from "../sources/harness_file.ts";
import { harnessKey, readHarness } from "../sources/harness.ts";
import type { ExportContext, ExportRequest } from "./request.ts";

/** How long Postgres may work before it sends anything: it compares all days, and may have to sort all rows. */
const START_MS = 600_000;

/** One lane's part of a run. */
export interface Job {
  readonly dataset: ExportedDataset;
  readonly options: ExportOptions;
  /** Rows that were left out so far. */
  readonly badRows: BadRow[];
}

/** Opens the sources, gives each lane's to `act` while they hold one state, one lane after another, and closes them. */
export async function withSources(
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
  const { target, env } = settings;
  const { waitMs: embeddedWaitMs, serverWaitMs: waitMs } = request;
  await using database = await openDatabase(target, { report, env, signal, embeddedWaitMs, waitMs });
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
      // The embedded database has one session for all.
      target: target.kind === "server" ? target : undefined,
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
  { dataset, options: { place, manifest, range, events } }: Job,
  { report, signal, stack }: ExportContext & { readonly stack: DisposableStack },
): Promise<readonly FileSource[]> {
  if (dataset.sqlite === undefined) return [];
  let leftOut = 0;
  const leaveOut = (row: BadRow) => {
    leftOut++;
    events.badRow(row);
  };
  const onBadRow = request.skipBadRows ? leaveOut : undefined;
  const home = request.dryRun ? await Deno.makeTempDir({ prefix: "heretix-" }) : place.directory;
  if (request.dryRun) stack.defer(() => Deno.removeSync(home, { recursive: true }));
  const opened: HarnessDatabase[] = [];
  for (const path of request.sqlitePaths) {
    const scratch = unfinishedPath(join(home, "harness"));
    const pick = request.missingOnly ? pickDays(path, manifest) : undefined;
    opened.push(stack.use(await openHarness(path, { scratch, range, run: request.run, pick, signal })));
  }
  const harnesses = [...new Map(opened.map((harness) => [harness.path, harness])).values()];
  const partial = request.run !== undefined || request.missingOnly;
  const options = { dataset, select: dataset.sqlite, range, partial, onBadRow };
  const files: FileSource[] = [];
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
