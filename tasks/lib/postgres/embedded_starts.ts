import { join } from "node:path";
import { ifThere } from "../task/files.ts";

const FILE = "heretix_starts";

/** Starts that are kept: an export that comes after more than these takes the database for one put back from a copy. */
const MAX_STARTS = 2000;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Adds a random id to the file of starts in an embedded database's directory, and gives the ids in it, the new one last.
 *
 * A copy of the directory has the ids of its time, which neither an inode nor a time of birth would tell.
 */
export async function recordStart(directory: string): Promise<readonly string[]> {
  const path = join(directory, FILE);
  const before = (await ifThere(Deno.readTextFile(path)) ?? "").split("\n").filter((line) => ID.test(line));
  const starts = [...before, crypto.randomUUID()].slice(-MAX_STARTS);
  await Deno.writeTextFile(`${path}.new`, starts.map((id) => `${id}\n`).join(""));
  await Deno.rename(`${path}.new`, path);
  return starts;
}
