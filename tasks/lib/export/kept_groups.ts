import { join } from "node:path";
import { type OldGroup, readFooter } from "../lake/day_file.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import type { DayPlan } from "./plan.ts";
import { filePath } from "../lake/lake.ts";
import { sha256OfFile } from "../task/files.ts";
import { boundsOf, type ParquetFooter, type RowGroup } from "../parquet/footer.ts";
import { SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";

/** A row group of a day's existing file that is looked at when the day is written anew. */
export interface KeptGroup {
  readonly old: OldGroup;
  /** Kinds of source that it may hold rows of. */
  readonly kinds: readonly SourceKind[];
  /** Whether its bytes can stay: it was written with today's columns, and holds rows of one source. */
  readonly asItIs: boolean;
}

/** The row groups of a planned day's existing files, in order.
 *
 * Errors: TaskError naming a file that is not the one that was exported.
 */
export async function readKeptGroups(
  directory: string,
  { day, kept, isCurrent }: DayPlan,
): Promise<readonly KeptGroup[]> {
  const groups: KeptGroup[] = [];
  for (const { file, sha256 } of kept) {
    const path = join(directory, filePath(day, file));
    const footer = await openKept(path, sha256);
    groups.push(...footer.groups.map((group): KeptGroup => {
      const kinds = kindsOf(group);
      return { old: { path, footer, group }, kinds, asItIs: isCurrent && kinds.length === 1 };
    }));
  }
  return groups;
}

async function openKept(path: string, sha256: string): Promise<ParquetFooter> {
  try {
    if (await sha256OfFile(path) === sha256) return await readFooter(path);
  } catch (error) {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; run deno task export --from all --verify`);
  }
  throw new TaskError(
    `Cannot read "${path}": it is not the file that was exported; run deno task export --from all --verify`,
  );
}

/** One kind where the row group's column `source` says so, else all of them. */
function kindsOf(group: RowGroup): readonly SourceKind[] {
  const bounds = boundsOf(group, "source");
  if (bounds === undefined) return SOURCE_KINDS;
  const [min, max] = [bounds.min, bounds.max].map((bytes) => new TextDecoder().decode(bytes));
  const kind = SOURCE_KINDS.find((kind) => kind === min && kind === max);
  return kind === undefined ? SOURCE_KINDS : [kind];
}
