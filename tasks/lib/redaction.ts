import type { Column } from "./dataset.ts";
import { EXIT, TaskError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { type DayRange, isInRange } from "./source.ts";

/** Columns by which rows are found again. */
const KEYS = ["created_at", "source", "run_id", "execution_id"];

/** What `refuseRedaction` looks at. */
export interface RedactionRequest {
  /** Name of the lane. */
  readonly lane: string;
  /** What the lane holds now. */
  readonly manifest: Manifest;
  /** Columns in file order. */
  readonly columns: readonly Column[];
  /** Columns that are to be NULL in every row. */
  readonly redacted: readonly string[];
  /** Days to look at. */
  readonly range: DayRange;
}

/** Rows that a source no longer has would stay NULL, so what a lane has redacted stays so; and what is redacted is so in
 * every day.
 *
 * Errors: TaskError for a column that cannot be redacted (exit 2), or that would be so in some days alone (exit 3).
 */
export function refuseRedaction({ lane, manifest, columns, redacted, range }: RedactionRequest): void {
  for (const name of redacted) {
    const known = columns.some((column) => column.name === name);
    if (known && !KEYS.includes(name)) continue;
    const finding = known
      ? "rows are told apart by it; leave it out"
      : "the dataset has no such column; correct --redact";
    throw new TaskError(`Cannot redact column "${name}": ${finding}`, EXIT.usage);
  }
  const added = redacted.filter((name) => !manifest.redacted.includes(name));
  if (added.length > 0 && !Object.keys(manifest.days).every((day) => isInRange(day, range))) {
    throw refused(lane, `${added.join(", ")} would stay in its other days; leave out --since and --until`);
  }
  const lifted = manifest.redacted.filter((name) => !redacted.includes(name));
  if (lifted.length === 0) return;
  throw refused(lane, `it was written with ${lifted.join(", ")} redacted; export to another directory with --out`);
}

function refused(lane: string, finding: string): TaskError {
  return new TaskError(`Cannot export to lane "${lane}": ${finding}`, EXIT.refused);
}
