import type { Dataset } from "../dataset/dataset.ts";
import { type ExportedDataset, readDatasets } from "../dataset/datasets.ts";
import { exportLane, type ExportOptions, type ExportResult, planLane } from "./lane.ts";
import type { ExportContext, ExportRequest } from "./request.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { filePath } from "../lake/lake.ts";
import { type OpenLane, openLanesInStore, openLanesOnDisk } from "./lanes.ts";
import { redact, refuseColumns } from "../lake/redaction.ts";
import type { Report } from "../task/console.ts";
import type { BadRow } from "../dataset/source.ts";
import { defaultThreads } from "../threads/pool.ts";
import { openWorkers, type Workers } from "../threads/workers.ts";
import { withSources } from "./sources.ts";

/** What a run has done, and where. */
export interface ExportOutcome extends ExportResult {
  readonly lane: string;
  /** Where it is, as it is printed: a directory or a URL. */
  readonly place: string;
  readonly isRemote: boolean;
  readonly seconds: number;
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
  const { report, signal, store } = context;
  const datasets = await pickDatasets(request);
  refuseColumns(datasets, request.redacted ?? []);
  await using open = store
    ? await openLanesInStore(datasets, request, { ...context, store })
    : await openLanesOnDisk(datasets, request, context);
  using workers = openWorkers();
  startAhead(workers, request, open.lanes);
  const jobs = open.lanes.map((lane) => {
    const badRows: BadRow[] = [];
    const dataset = redact(lane.dataset, request.redacted ?? [], open.inEnv);
    const options: ExportOptions = {
      ...request,
      ...lane,
      dataset,
      lane: lane.name,
      requested: request.redacted,
      signal,
      workers,
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
    const { lane, place, dataset } = options;
    const start = performance.now();
    const result = request.dryRun
      ? { plan: await planLane(sources, options), files: 0, rows: 0, sizeBytes: 0, removedDays: 0 }
      : await exportLane(sources, options);
    reportBadRows(dataset, badRows, report);
    const seconds = Math.round(performance.now() - start) / 1000;
    onLane({ ...result, lane, place: place.label, isRemote: store !== undefined, seconds });
  });
}

/** Starts threads before it is known what is to be written, where there is likely something: a hook comes behind a run,
 * whose day mostly has rows already, and the lanes may have nothing yet. */
function startAhead(workers: Workers, request: ExportRequest, lanes: readonly OpenLane[]): void {
  const { dryRun, run, missingOnly, writer, threads = defaultThreads() } = request;
  const isFirst = lanes.every(({ manifest }) => Object.keys(manifest.days).length === 0);
  if (dryRun) return;
  if (missingOnly || run !== undefined) workers.startAhead(1, "duckdb");
  // An engine is dear: the others have theirs when it is known that there are rows for them.
  else if (isFirst) workers.startAhead(writer === "direct" ? threads : 1, writer);
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

/** How many left-out rows are named one by one. */
const NAMED_ROWS = 20;

function reportBadRows({ label }: Dataset, rows: readonly BadRow[], report: Report): void {
  for (const { name, finding } of rows.slice(0, NAMED_ROWS)) {
    report.warn(`Left out ${label.noun} "${name}": ${finding}`);
  }
  if (rows.length > 0) report.warn(`${rows.length} rows were left out`);
}

/** Prints rows, rate and time left, a few times a second from the first rows on. */
function createProgress(report: Report): (rows: number, total: number) => void {
  let [start, shown] = [0, 0];
  return (rows, total) => {
    const now = performance.now();
    if (start === 0) [start, shown] = [now, now];
    if (now - shown < 200) return;
    shown = now;
    const perSecond = rows / ((now - start) / 1000);
    const left = Math.ceil(Math.max(0, total - rows) / perSecond);
    report.progress(`${rows} of ${total} rows, ${Math.round(perSecond)} rows/s, ${left} s left`);
  };
}
