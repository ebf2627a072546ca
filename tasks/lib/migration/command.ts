import type { Database } from "../postgres/database.ts";
import { EXIT, type ExitCode } from "../task/errors.ts";
import type { Migration } from "./files.ts";
import { countMigrations, formatPending, formatStatus, toJsonEntries } from "./format.ts";
import type { MigrateMode, MigrateRequest } from "./request.ts";
import { migrate, type MigrateOptions } from "./run.ts";
import { withMigrateErrors } from "./guard.ts";
import { readPlan, readSafePlan } from "./state.ts";
import type { Lines } from "../task/console.ts";
import { buildSchemas } from "../schema/scratch.ts";

/** Everything a request needs beside database and files. */
export interface RequestOptions extends MigrateRequest, MigrateOptions {
  /** Whether the result is JSON. */
  readonly json: boolean;
}

type Runner = (database: Database, files: readonly Migration[], options: RequestOptions) => Promise<ExitCode>;

const RUNNERS: Readonly<Record<MigrateMode, Runner>> = {
  apply: runApply,
  status: runStatus,
  check: runCheck,
  "dry-run": runDryRun,
  rehearse: runRehearsal,
  baseline: runBaseline,
};

/** Carries a request out, reports its result and tells the exit code. */
export async function carryOutRequest(
  database: Database,
  files: readonly Migration[],
  options: RequestOptions,
): Promise<ExitCode> {
  return await withMigrateErrors(database, () => RUNNERS[options.mode](database, files, options));
}

async function runApply(database: Database, files: readonly Migration[], options: RequestOptions): Promise<ExitCode> {
  const { applied, warnings, plan: { accepted, entries } } = await migrate(database, files, options);
  const text = [
    ...accepted.map(({ name }) => `Accepted ${name} on ${database.label} as it is now`),
    ...(applied.length > 0 ? [`Applied ${countMigrations(applied.length)} to ${database.label}`] : []),
  ];
  if (text.length === 0) text.push(`Nothing to do: ${database.label} has all ${countMigrations(entries.length)}`);
  tell(database, options, { text, json: { accepted: accepted.map(({ name }) => name), applied, warnings } });
  return EXIT.done;
}

async function runStatus(database: Database, files: readonly Migration[], options: RequestOptions): Promise<ExitCode> {
  const plan = await readPlan(database, files, options);
  tell(database, options, {
    text: formatStatus(plan),
    json: { migrations: toJsonEntries(plan), conflicts: plan.findings },
  });
  return plan.findings.length > 0 ? EXIT.refused : EXIT.done;
}

async function runCheck(database: Database, files: readonly Migration[], options: RequestOptions): Promise<ExitCode> {
  const plan = await readSafePlan(database, files, options);
  tellPending(database, options, plan.pending);
  return plan.pending.length > 0 ? EXIT.pending : EXIT.done;
}

async function runDryRun(database: Database, files: readonly Migration[], options: RequestOptions): Promise<ExitCode> {
  tellPending(database, options, (await readSafePlan(database, files, options)).pending);
  return EXIT.done;
}

async function runRehearsal(
  database: Database,
  files: readonly Migration[],
  options: RequestOptions,
): Promise<ExitCode> {
  const { rehearse } = await import("./rehearse.ts");
  const { rehearsed, skipped, warnings } = await rehearse(database, files, options);
  tell(database, options, {
    text: `Rehearsed ${countMigrations(rehearsed.length)} on ${database.label}, all rolled back` +
      (skipped.length > 0 ? `; ${skipped.length} left out` : ""),
    json: { rehearsed: rehearsed.map(({ name }) => name), skipped: skipped.map(({ name }) => name), warnings },
  });
  return EXIT.done;
}

async function runBaseline(
  database: Database,
  files: readonly Migration[],
  options: RequestOptions,
): Promise<ExitCode> {
  const { recordBaseline } = await import("./baseline.ts");
  const { adopted, notes } = await recordBaseline(database, files, {
    ...options,
    version: options.to!,
    build: buildSchemas,
  });
  tell(database, options, {
    text: [
      `Recorded ${countMigrations(adopted.length)} as baseline of ${database.label}`,
      ...notes.map((note) => `note: ${note}`),
    ],
    json: { baseline: adopted.map(({ name }) => name), notes },
  });
  return EXIT.done;
}

function tellPending(database: Database, options: RequestOptions, pending: readonly Migration[]): void {
  const text = pending.length > 0
    ? [`${countMigrations(pending.length)} pending on ${database.label}:`, ...formatPending(pending)]
    : `Nothing pending on ${database.label}`;
  const json = { pending: pending.map(({ version, name, transaction }) => ({ version, name, transaction })) };
  tell(database, options, { text, json });
}

function tell(
  { label }: Database,
  { json, report }: RequestOptions,
  result: { readonly text: Lines; readonly json: Readonly<Record<string, unknown>> },
): void {
  if (json) report.json({ database: label, ...result.json });
  else report.result(result.text);
}
