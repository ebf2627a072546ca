import { openDuckDb } from "../../tasks/lib/parquet/duckdb.ts";
import { DEFAULT_REQUEST, type ExportRequest } from "../../tasks/lib/export/request.ts";
import { type ExportOutcome, runExport } from "../../tasks/lib/export/run.ts";
import { openReport, type Report } from "../../tasks/lib/task/console.ts";
import { toSettings } from "../../tasks/lib/task/settings.ts";
import type { Exporter } from "./exporter.ts";

// The engine's first start in a process leaves a message port open: it is made here, outside of any test.
(await openDuckDb())[Symbol.dispose]();

/** What an export in this process has done and told. */
export interface ExportHere extends ExportOutcome {
  /** Its warnings and notes, in order. */
  readonly told: readonly string[];
}

/** Which sources an export takes, and where it stands. */
export interface ExportHereOptions extends Partial<Omit<ExportRequest, "postgres" | "sqlitePaths">> {
  /** As `--from`; all where undefined. */
  readonly from?: "postgres" | "sqlite" | "all";
  /** Harness files; the exporter's own where undefined. */
  readonly sqlitePaths?: readonly string[];
  /** Directory of the lanes; the exporter's own where undefined. */
  readonly exportDir?: string;
}

/** Runs an export of an exporter in this process, which takes a fraction of a task's time.
 *
 * Errors: what the export throws; a task would print its message and end with its exit code.
 */
export async function exportHere(exporter: Exporter, options: ExportHereOptions = {}): Promise<ExportHere> {
  const { from = "all", sqlitePaths = [`${exporter.home}/heretix.sqlite`], exportDir, ...request } = options;
  const told: string[] = [];
  const report: Report = {
    ...openReport({ quiet: true }),
    note: (lines) => void told.push(...[lines].flat()),
    warn: (line) => void told.push(`Warning: ${line}`),
  };
  const settings = {
    ...toSettings({ DATABASE_URL: exporter.database.url }, "local"),
    exportDir: exportDir ?? exporter.lane.slice(0, exporter.lane.lastIndexOf("/")),
  };
  const outcomes: ExportOutcome[] = [];
  await runExport(
    {
      ...DEFAULT_REQUEST,
      datasets: ["checks"],
      postgres: from !== "sqlite",
      sqlitePaths: from === "postgres" ? [] : sqlitePaths,
      ...request,
    },
    { settings, report, signal: new AbortController().signal },
    (outcome) => outcomes.push(outcome),
  );
  return { ...outcomes[0], told };
}
