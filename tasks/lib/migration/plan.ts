import type { Migration } from "./files.ts";
import { formatVersion } from "./rules.ts";

/** How a version got into the ledger. */
export type LedgerKind = "applied" | "baseline";

/** One row of the ledger: a file as it was. */
export interface LedgerRow extends Pick<Migration, "version" | "name" | "checksum"> {
  /** How it got here. */
  readonly kind: LedgerKind;
  /** UTC, ISO 8601. */
  readonly appliedAt: string;
  /** The database's user. */
  readonly appliedBy: string;
  /** How long the file took. */
  readonly durationMs: number;
}

/** Where a version stands between files and ledger. */
export type MigrationState = LedgerKind | "pending" | "edited" | "renamed" | "late" | "missing";

/** One version, known from its file, the ledger or both. */
export interface PlanEntry {
  /** Its number. */
  readonly version: number;
  /** Name of the file, or of the ledger's row where the file is gone. */
  readonly name: string;
  /** Where it stands. */
  readonly state: MigrationState;
  /** Its file. */
  readonly file?: Migration;
  /** Its row in the ledger. */
  readonly row?: LedgerRow;
}

/** What a run would do. */
export interface Plan {
  /** Every version, in order. */
  readonly entries: readonly PlanEntry[];
  /** What is to be applied, in order. */
  readonly pending: readonly Migration[];
  /** Files whose edit is accepted: their ledger rows take the new name and checksum. */
  readonly accepted: readonly Migration[];
  /** Why nothing may run; one line each. */
  readonly findings: readonly string[];
}

/** Choices of a run. */
export interface PlanOptions {
  /** The last version to apply. */
  readonly to?: number;
  /** Whether files older than the last applied one may be applied. */
  readonly allowOutOfOrder?: boolean;
  /** Versions whose edit is accepted. */
  readonly acceptEdits?: readonly number[];
}

/** The plan that leads from a ledger to the files. */
export function planMigrations(
  files: readonly Migration[],
  ledger: readonly LedgerRow[],
  { to = Infinity, allowOutOfOrder = false, acceptEdits = [] }: PlanOptions = {},
): Plan {
  const entries = joinByVersion(files, ledger);
  const isAccepted = ({ version, state }: PlanEntry) =>
    acceptEdits.includes(version) && (state === "edited" || state === "renamed");
  const isPending = ({ state }: PlanEntry) => state === "pending" || (state === "late" && allowOutOfOrder);
  const refused = entries.filter((entry) =>
    FINDINGS[entry.state] && !isAccepted(entry) && !(entry.state === "late" && allowOutOfOrder)
  );
  const idle = acceptEdits.filter((version) =>
    !entries.some((entry) => entry.version === version && isAccepted(entry))
  );
  return {
    entries,
    pending: entries.filter((entry) => isPending(entry) && entry.version <= to).map(({ file }) => file!),
    accepted: entries.filter(isAccepted).map(({ file }) => file!),
    findings: [
      ...refused.map((entry) => `${entry.name}: ${FINDINGS[entry.state]!(entry)}`),
      ...idle.map((version) => `${formatVersion(version)}: it was not edited; leave out --accept-edit ${version}`),
    ],
  };
}

function joinByVersion(files: readonly Migration[], ledger: readonly LedgerRow[]): readonly PlanEntry[] {
  const fileOf = new Map(files.map((file) => [file.version, file]));
  const rowOf = new Map(ledger.map((row) => [row.version, row]));
  const lastApplied = Math.max(0, ...rowOf.keys());
  return [...new Set([...fileOf.keys(), ...rowOf.keys()])].sort((a, b) => a - b).map((version) => {
    const file = fileOf.get(version);
    const row = rowOf.get(version);
    const name = file?.name ?? row!.name;
    const state = stateOf(file, row, version < lastApplied);
    return { version, name, state, ...(file ? { file } : {}), ...(row ? { row } : {}) };
  });
}

function stateOf(file: Migration | undefined, row: LedgerRow | undefined, isBehind: boolean): MigrationState {
  if (file === undefined) return "missing";
  if (row === undefined) return isBehind ? "late" : "pending";
  if (file.checksum !== row.checksum) return "edited";
  return file.name === row.name ? row.kind : "renamed";
}

const FINDINGS: Partial<Record<MigrationState, (entry: PlanEntry) => string>> = {
  edited: ({ version }) =>
    "it was edited after it was applied; restore it and write a new file, " +
    `or pass --accept-edit ${version} if the database needs nothing of the edit`,
  renamed: ({ version, row }) =>
    `it was applied as ${row!.name}; rename it back, or pass --accept-edit ${version} to keep the new name`,
  missing: () => "it was applied and its file is gone; restore the file, or update this checkout",
  late: () =>
    "it is older than the last applied file; give it the next free number, or pass --allow-out-of-order if the order does not matter",
};
