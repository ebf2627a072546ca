import type { Migration } from "./files.ts";
import type { MigrationState, Plan, PlanEntry } from "./plan.ts";

/** States that the last line of the table counts: what is pending, and all conflicts. */
const COUNTED: readonly MigrationState[] = ["pending", "late", "edited", "renamed", "missing"];

/** A table of every version and where it stands, for people. */
export function formatStatus({ entries, findings }: Plan): string[] {
  const width = Math.max(0, ...entries.map(({ name }) => name.length));
  const lines = entries.map(({ name, state, row }) =>
    `${state.padEnd(8)}  ${row ? `${name.padEnd(width)}  ${formatRow(row)}` : name}`
  );
  const counts = COUNTED.flatMap((state) => {
    const count = entries.filter((entry) => entry.state === state).length;
    return count > 0 || state === "pending" ? [`${count} ${state}`] : [];
  });
  const summary = [countMigrations(entries.length), ...counts].join(", ");
  return [...lines, findings.length > 0 ? `${summary}: files and ledger disagree` : summary];
}

function formatRow({ appliedAt, appliedBy, durationMs, kind }: NonNullable<PlanEntry["row"]>): string {
  const when = `${appliedAt.slice(0, 19).replace("T", " ")} UTC by ${appliedBy}`;
  return kind === "applied" ? `${when} in ${durationMs} ms` : when;
}

/** Files that would be applied, one per line. */
export function formatPending(pending: readonly Migration[]): string[] {
  return pending.map(({ name, transaction }) => `  ${name}${transaction ? "" : " (without a transaction)"}`);
}

/** The versions of a plan for JSON, without the files' text. */
export function toJsonEntries({ entries }: Plan): readonly Record<string, unknown>[] {
  return entries.map(({ version, name, state, file, row }) => ({
    version,
    name,
    state,
    transaction: file?.transaction ?? null,
    checksum: file?.checksum ?? null,
    applied: row
      ? { at: row.appliedAt, by: row.appliedBy, durationMs: row.durationMs, name: row.name, checksum: row.checksum }
      : null,
  }));
}

/** "1 migration", "2 migrations". */
export function countMigrations(count: number): string {
  return `${count} migration${count === 1 ? "" : "s"}`;
}
