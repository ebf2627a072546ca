import { join } from "node:path";
import { type Dataset, parseDataset } from "./dataset.ts";
import { EXIT, messageOf, TaskError } from "../task/errors.ts";

/** Where the files that define datasets are, seen from the project's root: NAME.postgres.sql, and for what a harness has
 * too, NAME.sqlite.sql. */
export const DATASETS_DIR = "sql/export";

/** A dataset that can be exported. */
export interface ExportedDataset extends Dataset {
  /** The SELECT that gives its columns, by name, from a harness file; undefined where harness files have none of it. */
  readonly sqlite?: string;
}

/** The datasets of a directory by name, or all of them in the order of their names.
 *
 * Errors: TaskError (exit 2) for a name that is not there, listing those that are; TaskError for a file that defines none.
 */
export async function readDatasets(
  names?: readonly string[],
  directory: string = DATASETS_DIR,
): Promise<ExportedDataset[]> {
  const files = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  const known = files.flatMap((file) => /^(.+)\.postgres\.sql$/.exec(file)?.[1] ?? []).sort();
  const unknown = (names ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new TaskError(
      `Cannot find dataset "${unknown.join(", ")}": ${directory} has none of that name; take one of ${
        known.join(", ")
      }`,
      EXIT.usage,
    );
  }
  return await Promise.all(
    known.filter((name) => names?.includes(name) ?? true).map(async (name) => {
      const path = join(directory, `${name}.postgres.sql`);
      const sqlite = `${name}.sqlite.sql`;
      return {
        ...parseDataset(name, path, await readSql(path)),
        ...(files.includes(sqlite) ? { sqlite: await readSql(join(directory, sqlite)) } : {}),
      };
    }),
  );
}

async function readSql(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; make it a readable file`);
  }
}
