import type { Database } from "../postgres/database.ts";
import { EXIT, type ExitCode } from "../task/errors.ts";
import { recordBaseline } from "./baseline.ts";
import { withMigrateErrors } from "./errors.ts";
import type { Migration } from "./files.ts";
import type { MigrationState, Plan, PlanEntry } from "./plan.ts";
import type { MigrateMode, MigrateRequest } from "./request.ts";
import { applyPending, type MigrateOptions, rehearse } from "./run.ts";
import { readPlan, readSafePlan } from "./state.ts";
import type { Lines } from "../task/console.ts";
import { countOf } from "../task/plural.ts";

/** Everything a request needs beside database and files; whether its result is JSON. */
export type RequestOptions = MigrateRequest & MigrateOptions & { readonly json: boolean };

interface Outcome {
  readonly text: Lines;
  readonly json: Readonly<Record<string, unknown>>;
  readonly exitCode?: ExitCode;
}

type Runner = (database: Database, files: readonly Migration[], options: RequestOptions) => Promise<Outcome>;

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
  const { mode, json: isJson, report } = options;
  const outcome = await withMigrateErrors(database, () => RUNNERS[mode](database, files, options));
  const { text, json, exitCode = EXIT.done } = outcome;
  if (isJson) report.json({ database: database.label, ...json });
  else report.result(text);
  return exitCode;
}

async function runApply(...request: Parameters<Runner>): Promise<Outcome> {
  const [{ label }] = request;
  const { applied, warnings, plan: { accepted, entries } } = await applyPending(...request);
  const text = accepted.map(({ name }) => `Accepted ${name} on ${label} as it is now`);
  if (applied.length > 0) text.push(`Applied ${countMigrations(applied)} to ${label}`);
  if (text.length === 0) text.push(`Nothing to do: ${label} has all ${countMigrations(entries)}`);
  return { text, json: { accepted: accepted.map(nameOf), applied, warnings } };
}

async function runStatus(...request: Parameters<Runner>): Promise<Outcome> {
  const plan = await readPlan(...request);
  return {
    text: formatStatus(plan),
    json: { migrations: plan.entries.map(toJsonEntry), conflicts: plan.findings },
    exitCode: plan.findings.length > 0 ? EXIT.refused : EXIT.done,
  };
}

async function runCheck(...request: Parameters<Runner>): Promise<Outcome> {
  const { pending } = await readSafePlan(...request);
  return { ...formatPending(request[0], pending), exitCode: pending.length > 0 ? EXIT.pending : EXIT.done };
}

async function runDryRun(...request: Parameters<Runner>): Promise<Outcome> {
  return formatPending(request[0], (await readSafePlan(...request)).pending);
}

async function runRehearsal(...request: Parameters<Runner>): Promise<Outcome> {
  const { rehearsed, skipped, warnings } = await rehearse(...request);
  const leftOut = skipped.length > 0 ? `; ${skipped.length} left out` : "";
  return {
    text: `Rehearsed ${countMigrations(rehearsed)} on ${request[0].label}, all rolled back${leftOut}`,
    json: { rehearsed: rehearsed.map(nameOf), skipped: skipped.map(nameOf), warnings },
  };
}

async function runBaseline(...[database, files, options]: Parameters<Runner>): Promise<Outcome> {
  const { adopted, notes } = await recordBaseline(database, files, { ...options, version: options.to! });
  const recorded = `Recorded ${countMigrations(adopted)} as baseline of ${database.label}`;
  return {
    text: [recorded, ...notes.map((note) => `note: ${note}`)],
    json: { baseline: adopted.map(nameOf), notes },
  };
}

function nameOf({ name }: Migration): string {
  return name;
}

function countMigrations({ length }: readonly unknown[]): string {
  return countOf(length, "migration");
}

/** Files that would be applied, one per line. */
function formatPending({ label }: Database, pending: readonly Migration[]): Outcome {
  const lines = pending.map(({ name, transaction }) => `  ${name}${transaction ? "" : " (without a transaction)"}`);
  return {
    text: pending.length > 0
      ? [`${countMigrations(pending)} pending on ${label}:`, ...lines]
      : `Nothing pending on ${label}`,
    json: { pending: pending.map(({ version, name, transaction }) => ({ version, name, transaction })) },
  };
}

/** States that the last line of the table counts: what is pending, and all conflicts. */
const COUNTED: readonly MigrationState[] = ["pending", "late", "edited", "renamed", "missing"];

/** A table of every version and where it stands, for people. */
function formatStatus({ entries, findings }: Plan): string[] {
  const width = Math.max(0, ...entries.map(({ name }) => name.length));
  const lines = entries.map(({ name, state, row }) =>
    `${state.padEnd(8)}  ${row ? `${name.padEnd(width)}  ${formatRow(row)}` : name}`
  );
  const counts = COUNTED.flatMap((state) => {
    const count = entries.filter((entry) => entry.state === state).length;
    return count > 0 || state === "pending" ? [`${count} ${state}`] : [];
  });
  const summary = [countMigrations(entries), ...counts].join(", ");
  return [...lines, findings.length > 0 ? `${summary}: files and ledger disagree` : summary];
}

function formatRow({ appliedAt, appliedBy, durationMs, kind }: NonNullable<PlanEntry["row"]>): string {
  const when = `${appliedAt.slice(0, 19).replace("T", " ")} UTC by ${appliedBy}`;
  return kind === "applied" ? `${when} in ${durationMs} ms` : when;
}

/** A version of a plan for JSON, without the file's text. */
function toJsonEntry({ version, name, state, file, row }: PlanEntry): Readonly<Record<string, unknown>> {
  return {
    version,
    name,
    state,
    transaction: file?.transaction ?? null,
    checksum: file?.checksum ?? null,
    applied: row
      ? { at: row.appliedAt, by: row.appliedBy, durationMs: row.durationMs, name: row.name, checksum: row.checksum }
      : null,
  };
}
