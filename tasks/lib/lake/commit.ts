import { join } from "node:path";
import { type Journal, parseJournal } from "./journal.ts";
import { entriesOf, listDays, MANIFEST } from "./lake.ts";
import { createPause } from "../task/pause.ts";
import { type Ownership, ownershipOf, refuseForeign } from "./guard.ts";
import {
  lstat,
  readText,
  removeFile,
  removeIfEmpty,
  replacing,
  syncDirectory,
  UNFINISHED,
  unfinishedPath,
  writeAll,
} from "../task/files.ts";
import { formatManifest, type Manifest } from "./manifest.ts";

const JOURNAL = "_commit.json";

/** What will be visible after a commit. Paths are relative to the lane. */
export interface Commit extends Omit<Journal, "manifest"> {
  /** What the lane holds then. */
  readonly manifest: Manifest;
  /** What tells its own files from others. */
  readonly ownership: Ownership;
}

/** Makes a commit visible, all of it or, if the process dies before its journal is written, nothing.
 *
 * The journal is written first; from then on `recover` finishes what a killed process began. Each day is replaced by one
 * rename; only where a day had several files before are there more steps.
 */
export async function commit(lane: string, { renames, removals, manifest, ownership }: Commit): Promise<void> {
  await refuseForeign(lane, targetsOf({ renames, removals }), ownership);
  const journal: Journal = { renames, removals, manifest: unfinishedPath(MANIFEST) };
  await writeAside(lane, MANIFEST, journal.manifest, formatManifest(manifest));
  // What the journal names must outlive a power cut before the journal does.
  for (const directory of [...daysOf(renames.map(({ to }) => to)), "."]) await syncDirectory(join(lane, directory));
  const unfinished = unfinishedPath(JOURNAL);
  await writeAside(lane, JOURNAL, unfinished, JSON.stringify(journal));
  await rename(lane, unfinished, JOURNAL);
  await syncDirectory(lane);
  for (const step of commitSteps(lane, journal)) await step();
}

/** What a journal asks for, step by step: after any of them the lane can be read, and `recover` goes on. */
export function commitSteps(lane: string, { renames, removals, manifest }: Journal): (() => Promise<void>)[] {
  const days = [...daysOf(targetsOf({ renames, removals }))].map((day) => join(lane, day));
  return [
    ...renames.map(({ from, to }) => () => rename(lane, from, to)),
    ...removals.map((path) => () => removeFile(join(lane, path))),
    ...days.map((day) => () => syncDirectory(day)),
    ...days.map((day) => () => removeIfEmpty(day)),
    () => rename(lane, manifest, MANIFEST),
    () => syncDirectory(lane),
    () => removeFile(join(lane, JOURNAL)),
    () => syncDirectory(lane),
  ];
}

/** Finishes the commit of a killed process and removes its unfinished files. Only under the lane's lock. */
export async function recover(lane: string, dataset: Ownership["dataset"]): Promise<void> {
  const path = join(lane, JOURNAL);
  const text = await readText(path);
  if (text !== undefined) {
    const journal = parseJournal(path, text, dataset.name);
    await refuseForeign(lane, targetsOf(journal), await ownershipOf(lane, dataset));
    for (const step of commitSteps(lane, journal)) await step();
  }
  await removeUnfinished(lane);
  const pause = createPause();
  for (const day of await listDays(lane)) {
    await pause();
    const directory = join(lane, `dt=${day}`);
    if (await removeUnfinished(directory) === 0) await removeIfEmpty(directory);
  }
}

/** Paths that a commit replaces or removes. */
function targetsOf({ renames, removals }: Pick<Journal, "renames" | "removals">): string[] {
  return [...renames.map(({ to }) => to), ...removals];
}

/** Directories of paths that are relative to the lane. */
function daysOf(paths: readonly string[]): Set<string> {
  return new Set(paths.map((path) => path.split("/")[0]));
}

/** Puts a finished file in its place; one that was put there before its process died is not there any more. */
async function rename(lane: string, from: string, to: string): Promise<void> {
  const path = join(lane, from);
  if (await lstat(path)) await replacing(join(lane, to), () => Deno.rename(path, join(lane, to)));
}

/** Writes a small file under its temporary name, synced. */
async function writeAside(lane: string, name: string, unfinished: string, text: string): Promise<void> {
  await replacing(join(lane, name), async () => {
    using file = await Deno.open(join(lane, unfinished), { write: true, createNew: true });
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  });
}

/** Removes the unfinished files of a directory, and tells how many others there are. */
async function removeUnfinished(directory: string): Promise<number> {
  const entries = entriesOf(directory);
  const unfinished = entries.filter(({ name, isFile }) => isFile && UNFINISHED.test(name));
  for (const { name } of unfinished) await Deno.remove(join(directory, name));
  return entries.length - unfinished.length;
}
