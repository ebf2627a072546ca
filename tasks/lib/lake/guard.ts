import { join } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import { readFooter } from "./day_file.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { hasColumnsOf, markOfFile } from "../parquet/file_mark.ts";
import { readManifest } from "./lake.ts";
import { lstat } from "../task/files.ts";
import type { Manifest } from "./manifest.ts";

/** What tells a lane's own files from others. */
export interface Ownership {
  /** The lane's dataset. */
  readonly dataset: Pick<Dataset, "name" | "columns" | "sort">;
  /** The lane's manifest; undefined where it has none. */
  readonly manifest: Manifest | undefined;
}

/** Refuses to replace or remove what no export of this dataset has written.
 *
 * A file is ours when the manifest names it, when its metadata says so, or, where there is no manifest, when it has the
 * dataset's columns.
 *
 * Errors: TaskError (exit 3) naming the file, or the directory or link in the way.
 */
export async function refuseForeign(lane: string, paths: readonly string[], ownership: Ownership): Promise<void> {
  for (const path of paths) {
    const [directory, file] = path.split("/");
    const day = await lstat(join(lane, directory));
    if (day !== undefined && !day.isDirectory) throw foreignError(join(lane, directory), "is not a directory");
    const stat = await lstat(join(lane, path));
    if (stat === undefined) continue;
    if (stat.isDirectory) throw foreignError(join(lane, path), "is a directory");
    const known = ownership.manifest?.days[directory.slice("dt=".length)]?.files ?? [];
    if (known.some((entry) => entry.file === file)) continue;
    if (!stat.isFile || !await isMarked(join(lane, path), ownership)) {
      throw foreignError(join(lane, path), `is no file that an export of ${ownership.dataset.name} has written`);
    }
  }
}

async function isMarked(path: string, { dataset, manifest }: Ownership): Promise<boolean> {
  try {
    const footer = await readFooter(path);
    const mark = markOfFile(footer);
    if (mark !== undefined) return mark.dataset === dataset.name;
    return manifest === undefined && hasColumnsOf(footer, dataset);
  } catch {
    return false;
  }
}

function foreignError(path: string, finding: string): TaskError {
  return new TaskError(`Cannot replace "${path}": it ${finding}; move it away and export again`, EXIT.refused);
}

/** A lane's manifest, where there is one that can be read: a damaged one must not keep a commit from being finished. */
export async function ownershipOf(lane: string, dataset: Ownership["dataset"]): Promise<Ownership> {
  const manifest = await readManifest(lane, dataset.name).catch((error) => {
    if (error instanceof TaskError) return undefined;
    throw error;
  });
  return { dataset, manifest };
}
