import { EXIT, messageOf, TaskError } from "./errors.ts";
import type { SchemaObject } from "./schema.ts";
import { readSchemaThrough } from "./schema_read.ts";

/** A file of SQL to build a scratch schema from. */
export interface ScratchFile {
  /** Named when it fails. */
  readonly name: string;
  /** Its statements. */
  readonly text: string;
}

/** The schema that files of SQL make, run in order in an empty in-process Postgres that is gone afterwards.
 *
 * Errors: TaskError (exit 1) naming the file that fails.
 */
export async function buildSchema(files: readonly ScratchFile[]): Promise<SchemaObject[]> {
  const { openScratch } = await import("./embedded.ts");
  await using scratch = await openScratch();
  for (const { name, text } of files) {
    try {
      await scratch.run(text);
      await scratch.run("reset role; reset all");
    } catch (error) {
      throw new TaskError(
        `Cannot build scratch schema from "${name}": ${messageOf(error)}; correct the file`,
        EXIT.failed,
        { cause: error },
      );
    }
  }
  return await readSchemaThrough(scratch.run);
}
