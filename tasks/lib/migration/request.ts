import { type Args, usageError } from "../task/args.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { countOf } from "../task/plural.ts";
import { migrateFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import type { PlanOptions } from "./plan.ts";
import type { Report } from "../task/console.ts";
import { directHostOf, type Target } from "../task/target.ts";

/** What a call of the task asks for; each excludes the others. */
export type MigrateMode = "apply" | "status" | "check" | "dry-run" | "rehearse" | "baseline";

/** A checked command line of the task. */
export interface MigrateRequest extends PlanOptions {
  /** What to do. */
  readonly mode: MigrateMode;
  /** Whether the database is written to, if only to roll it back. */
  readonly writes: boolean;
}

const TASK = { name: "migrate" };

const MODES = ["status", "check", "dry-run", "rehearse", "baseline"] as const;

/** The request of a command line.
 *
 * Errors: TaskError (exit 2) on flags that exclude each other and numbers that are no file's.
 */
export function parseMigrateRequest(args: Args, files: readonly Migration[]): MigrateRequest {
  const baseline = args.count("baseline", 1);
  const modes = MODES.filter((mode) => mode === "baseline" ? baseline !== undefined : args.has(mode));
  if (modes.length > 1) throw usageError(TASK, `--${modes[0]} and --${modes[1]} exclude each other; choose one`);
  const mode: MigrateMode = modes.length > 0 ? modes[0] : "apply";
  const to = args.count("to", 1);
  if (to !== undefined && (mode === "baseline" || mode === "status")) {
    throw usageError(TASK, `--to means nothing with --${mode}; leave it out`);
  }
  const acceptEdits = args.texts("accept-edit").map(parseVersion);
  if (acceptEdits.length > 0 && mode !== "apply") {
    throw usageError(TASK, `--accept-edit changes the ledger and --${mode} does not; leave one out`);
  }
  const last = to ?? baseline;
  for (const version of [last, ...acceptEdits]) {
    if (version !== undefined && version > files.length) {
      throw usageError(TASK, `there is no file ${version}, the last is ${files.length}; correct the number`);
    }
  }
  return {
    mode,
    writes: ["apply", "rehearse", "baseline"].includes(mode),
    acceptEdits,
    allowOutOfOrder: args.has("allow-out-of-order"),
    ...(last === undefined ? {} : { to: last }),
  };
}

function parseVersion(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw usageError(TASK, `--accept-edit takes a file's number; "${text}" is none`);
  return Number(text);
}

/** Throws unless somebody at the terminal agrees to a rehearsal.
 *
 * Errors: TaskError (exit 3) on "no", and where there is nobody to ask.
 */
export async function confirmRehearsal(label: string, report: Report, signal: AbortSignal): Promise<void> {
  if (await report.ask(`Rehearsing locks the tables of ${label} while it runs. Go on?`, signal)) return;
  throw new TaskError(
    `Cannot rehearse on database "${label}": nobody agreed to lock its tables; answer y, or pass --yes`,
    EXIT.refused,
  );
}

/** Throws where somebody at the terminal does not agree to apply files; goes on where there is nobody to ask, as in CI.
 *
 * Errors: TaskError (exit 3) on "no".
 */
export async function confirmApply(
  pending: readonly Migration[],
  label: string,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  const count = countOf(pending.length, "migration");
  if (await report.ask(`Apply ${count} to ${label}?`, signal) !== false) return;
  throw migrateFailure(label, `nobody agreed to apply ${count}; answer y, or pass --yes`, EXIT.refused);
}

/** Throws for the host of a pooler, before any connection is made.
 *
 * Errors: TaskError (exit 3) with the direct host's name.
 */
export function refusePooledHost(target: Target): void {
  const direct = target.kind === "server" ? directHostOf(target.host) : undefined;
  if (direct === undefined) return;
  const remedy = `use the direct host ${direct}, in the same variable with _UNPOOLED at its end`;
  throw migrateFailure(target.label, `its host is a pooler, which breaks locks; ${remedy}`);
}
