import { join } from "node:path";
import { EXIT, TaskError } from "../task/errors.ts";
import { MIGRATIONS_DIR, nextVersion } from "./files.ts";
import { formatVersion } from "./rules.ts";
import { NO_TRANSACTION } from "./rules.ts";

/** Choices for a new file. */
export interface NewMigrationOptions {
  /** Where the files are. */
  readonly directory?: string;
  /** Whether the file runs in a transaction. */
  readonly transaction?: boolean;
}

/** Path of a new file with the next free number, without any statement yet.
 *
 * The name is put in lower case, with underscores between its words.
 *
 * Errors: TaskError (exit 2) for a name without letters or digits; exit 3 where the numbers of the files are in disorder.
 */
export async function writeNewMigration(words: string, options: NewMigrationOptions = {}): Promise<string> {
  const { directory = MIGRATIONS_DIR, transaction = true } = options;
  const name = words.toLowerCase().replace(/[\s_-]+/g, "_").replace(/^_|_$/g, "");
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new TaskError(
      `Cannot name migration "${words}": it takes letters a to z, digits and underscores; choose such a name`,
      EXIT.usage,
    );
  }
  const path = `${directory}/${formatVersion(await nextVersion(directory))}_${name}.sql`;
  await Deno.writeTextFile(join(path), transaction ? "" : `${NO_TRANSACTION}\n`, { createNew: true });
  return path;
}
