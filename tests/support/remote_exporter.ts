import { join } from "node:path";
import { carryOutExport } from "../../tasks/lib/export/command.ts";
import { DEFAULT_REQUEST, type ExportRequest } from "../../tasks/lib/export/request.ts";
import { type PulledLane, pullLanes, type PullLanesOptions } from "../../tasks/lib/remote/pull.ts";
import { openS3 } from "../../tasks/lib/store/s3.ts";
import type { ObjectStore } from "../../tasks/lib/store/store.ts";
import { openReport, type Report } from "../../tasks/lib/task/console.ts";
import { TaskError } from "../../tasks/lib/task/errors.ts";
import { toSettings } from "../../tasks/lib/task/settings.ts";
import { type CommandResult, runCommand } from "./command.ts";
import { createExporter, type Exporter } from "./exporter.ts";
import "./export_here.ts";
import { readRemote, remoteReader, storeSettings } from "./remote.ts";
import { type Fault, type S3Object, type S3Request, type S3Server, startS3 } from "./s3_server.ts";

/** What differs from an export of checks without flags, and how it is told. */
export interface RemoteExportOptions extends Partial<ExportRequest> {
  /** As `--json`. */
  readonly json?: boolean;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** An exporter, a store, and the tasks that work on both. */
export interface RemoteExporter extends AsyncDisposable {
  /** The database, and the lane on the disk. */
  readonly exporter: Exporter;
  /** The store. */
  readonly server: S3Server;
  /** Set, it decides about every request. */
  fault?: (request: S3Request) => Fault | undefined;
  /** Exports to the store in this process, which takes a fraction of a task's time. */
  export(options?: RemoteExportOptions): Promise<CommandResult>;
  /** Brings the lanes of the store to the disk, in this process. */
  pull(options?: Partial<PullLanesOptions>): Promise<PulledLane[]>;
  /** Runs a task on the store. */
  run(task: string, args?: readonly string[]): Promise<CommandResult>;
  /** Rows of the lane of checks as a reader sees them, by its Delta log unless told otherwise: run ids, in order. */
  runIds(by?: "manifest" | "delta"): Promise<string[]>;
  /** An object of the lane of checks. */
  object(key: string): S3Object | undefined;
  /** Keys that were put, in their order. */
  puts(): string[];
}

/** An exporter whose lanes are at `prefix` in a store of its own. */
export async function createRemote(prefix = "prefix"): Promise<RemoteExporter> {
  const exporter = await createExporter();
  const server = await startS3({ fault: (request) => remote.fault?.(request) });
  const target = server.target(prefix);
  const exportDir = join(exporter.home, "lake");
  const { url } = exporter.database;
  const open = (signal: AbortSignal): ObjectStore => openS3(target, { signal, limits: { backoffMs: 1 } });
  const remote: RemoteExporter = {
    exporter,
    server,
    export: ({ json = false, signal = new AbortController().signal, ...request } = {}) =>
      capture((report) =>
        carryOutExport(
          { ...DEFAULT_REQUEST, datasets: ["checks"], postgres: true, ...request },
          {
            settings: { ...toSettings({ DATABASE_URL: url }, "local"), exportDir },
            report,
            signal,
            store: open(signal),
          },
          json,
        )
      ),
    pull: ({ signal = new AbortController().signal, ...options } = {}) =>
      pullLanes(open(signal), {
        env: "local",
        names: [],
        exportDir,
        newSource: false,
        waitMs: 0,
        report: openReport({ quiet: true }),
        signal,
        ...options,
      }),
    run: (task, args = []) =>
      runCommand(task, args, { env: { ...storeSettings(target), DATABASE_URL: url, EXPORT_DIR: exportDir } }),
    async runIds(by = "delta") {
      const { rows } = await readRemote(remoteReader(target, "local/checks"), by);
      return rows.map(({ run_id }) => `${run_id}`).sort();
    },
    object: (key) => server.objects.get(`${prefix}/local/checks/${key}`),
    puts: () => server.log.filter(({ method }) => method === "PUT").map(({ key }) => key),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await exporter[Symbol.asyncDispose]();
    },
  };
  return remote;
}

/** What a task with such a body would print, and its exit code. */
async function capture(body: (report: Report) => Promise<void>): Promise<CommandResult> {
  const [stdout, stderr]: string[][] = [[], []];
  const report: Report = {
    ...openReport({ quiet: true }),
    result: (lines) => void stdout.push(...[lines].flat()),
    note: (lines) => void stderr.push(...[lines].flat()),
    warn: (line) => void stderr.push(`Warning: ${line}`),
  };
  const ended = (code: number) => ({
    code,
    stdout: stdout.map((line) => `${line}\n`).join(""),
    stderr: stderr.map((line) => `${line}\n`).join(""),
  });
  try {
    await body(report);
    return ended(0);
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    stderr.push(...error.lines);
    return ended(error.exitCode);
  }
}
