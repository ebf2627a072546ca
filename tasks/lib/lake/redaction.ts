import type { Dataset } from "../dataset/dataset.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import type { Lane } from "./lane.ts";
import { type DayRange, isInRange } from "../dataset/source.ts";

/** Refuses columns that no dataset can redact.
 *
 * Errors: TaskError (exit 2) for a column that none of them has, or that tells the rows of one apart.
 */
export function refuseColumns(
  datasets: readonly Pick<Dataset, "name" | "columns" | "sort">[],
  names: readonly string[],
): void {
  for (const name of names) {
    if (!datasets.some(({ columns }) => columns.some((column) => column.name === name))) {
      throw columnError(name, `no dataset of this export has such a column; correct --redact`);
    }
    const keyed = datasets.find(({ sort }) => sort.includes(name));
    if (keyed) throw columnError(name, `rows of ${keyed.name} are told apart by it; leave it out`);
  }
}

function columnError(name: string, finding: string): TaskError {
  return new TaskError(`Cannot redact column "${name}": ${finding}`, EXIT.usage);
}

/** A dataset whose columns leave as NULL that were asked for, and those that any lane of its environment has redacted.
 *
 * What tells its rows apart is not among the latter: such a column of another dataset's is another thing.
 */
export function redact<D extends Dataset>(dataset: D, requested: readonly string[], inEnv: Iterable<string>): D {
  const wanted = new Set([...requested, ...[...inEnv].filter((name) => !dataset.sort.includes(name))]);
  const columns = dataset.columns.map((column) => wanted.has(column.name) ? { ...column, isRedacted: true } : column);
  return { ...dataset, columns };
}

/** Names of a dataset's columns that leave as NULL, sorted. */
export function redactedIn({ columns }: Pick<Dataset, "columns">): string[] {
  return columns.filter(({ isRedacted }) => isRedacted).map(({ name }) => name).sort();
}

/** What `refuseRedaction` looks at. */
export interface RedactionRequest extends Pick<Lane, "manifest"> {
  /** Name of the lane. */
  readonly lane: string;
  /** What it will hold. */
  readonly dataset: Pick<Dataset, "columns">;
  /** Those that were asked for; undefined where none were named. */
  readonly requested?: readonly string[];
  /** Days to look at. */
  readonly range: DayRange;
}

/** Rows that a source no longer has would stay NULL, so what a lane has redacted stays so; and what is redacted is so in
 * every day.
 *
 * Errors: TaskError (exit 3) for a column that is no longer asked for, or that would be redacted in some days alone.
 */
export function refuseRedaction({ lane, manifest, dataset, requested, range }: RedactionRequest): void {
  const redacted = redactedIn(dataset);
  const added = redacted.filter((name) => !manifest.redacted.includes(name));
  if (added.length > 0 && !Object.keys(manifest.days).every((day) => isInRange(day, range))) {
    throw refused(lane, `${added.join(", ")} would stay in its other days; leave out --since and --until`);
  }
  const lifted = manifest.redacted.filter((name) => !(requested ?? redacted).includes(name));
  if (lifted.length === 0) return;
  throw refused(lane, `it was written with ${lifted.join(", ")} redacted; export to another directory with --out`);
}

function refused(lane: string, finding: string): TaskError {
  return new TaskError(`Cannot export to lane "${lane}": ${finding}`, EXIT.refused);
}
