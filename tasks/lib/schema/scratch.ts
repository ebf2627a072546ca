import { holdsPassword } from "../sql/secrets.ts";
import { EXIT, messageOf, TaskError } from "../task/errors.ts";
import type { SchemaObject } from "./schema.ts";
import { readSchemaThrough } from "./read.ts";
import type { SchemaStates } from "./states.ts";

/** The schemas that files of SQL make, run in order in an empty in-process Postgres that is gone afterwards.
 *
 * Errors: TaskError (exit 1) naming the file that fails.
 */
export async function buildSchemas(files: readonly Record<"name" | "text", string>[]): Promise<SchemaStates> {
  const { openScratch } = await import("../postgres/embedded.ts");
  await using scratch = await openScratch();
  const states: SchemaObject[][] = [[]];
  for (const { name, text } of files) {
    try {
      await scratch.run(text);
      await scratch.run("reset role; reset all");
    } catch (error) {
      const finding = holdsPassword(text)
        ? "its SQL fails, and it holds a password, so no more is shown"
        : messageOf(error);
      throw new TaskError(
        `Cannot build scratch schema from "${name}": ${finding}; correct the file`,
        EXIT.failed,
        { cause: error },
      );
    }
    states.push(await readSchemaThrough(scratch.run));
  }
  return states;
}
