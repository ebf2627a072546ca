import { join, resolve } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import { type Day, isDay } from "../dataset/day.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { createPause } from "../task/pause.ts";
import { lstat, lstatSync, readText, removeFile, removeIfEmpty, replacing, sha256OfFile } from "../task/files.ts";
import { fileOf, isFileOf, type Manifest, type ManifestFile, parseManifest } from "./manifest.ts";

/** Name of a lane's manifest. */
export const MANIFEST = "_manifest.json";

/** Name of a lane's lock. */
export const LOCK = ".lock";

/** Name of the lane of a dataset in an environment. */
export function laneName(env: string, { name, isPlain }: Pick<Dataset, "name" | "isPlain">): string {
  return isPlain ? env : `${env}.${name}`;
}

/** Names of the lanes in a directory: all of them, or those of an environment. */
export async function listLanes(exportDir: string, env?: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(exportDir));
    const names = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
    return env === undefined ? names : names.filter((name) => name === env || name.startsWith(`${env}.`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** Directory of a lane. */
export function laneDirectory(exportDir: string, lane: string): string {
  return join(resolve(exportDir), lane);
}

/** Path of a file of a day, relative to the lane. */
export function filePath(day: Day, file: string): string {
  return `dt=${day}/${file}`;
}

/** Path of a day's file in a lane of a dataset, relative to the lane. */
export function dayPath(day: Day, dataset: string): string {
  return filePath(day, fileOf(dataset));
}

/** Makes a lane's directory. */
export async function createLane(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    // Another export removes the empty lane at this moment; whoever locks it makes it again.
    if (error instanceof Deno.errors.AlreadyExists && await lstat(directory) === undefined) return;
    throw new TaskError(`Cannot create lane "${directory}": ${messageOf(error)}; choose another directory with --out`);
  }
}

/** Removes a lane that an export has left without anything but its lock; only under that lock. */
export async function removeEmptyLane(directory: string): Promise<void> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  if (names.some((name) => name !== LOCK)) return;
  await removeFile(join(directory, LOCK));
  await removeIfEmpty(directory);
}

/** Makes the directory of a day, which must be a real directory: a link would lead writes out of the lane. */
export async function createDay(lane: string, day: Day): Promise<void> {
  const path = join(lane, `dt=${day}`);
  const stat = await lstat(path);
  if (stat === undefined) await replacing(path, () => Deno.mkdir(path));
  else if (!stat.isDirectory) throw new TaskError(`Cannot write day "${path}": it is not a directory; move it away`);
}

/** The manifest of a lane, of any dataset where none is named; undefined where it has none. */
export async function readManifest(lane: string, dataset?: string): Promise<Manifest | undefined> {
  const path = join(lane, MANIFEST);
  const text = await readText(path);
  return text === undefined ? undefined : parseManifest(path, text, dataset);
}

/** Days that have a directory; none in a lane that is not there. */
export async function listDays(lane: string): Promise<Day[]> {
  if (await lstat(lane) === undefined) return [];
  const entries = await Array.fromAsync(Deno.readDir(lane));
  const names = entries.filter(({ isDirectory, name }) => isDirectory && name.startsWith("dt=")).map(({ name }) =>
    name
  );
  return names.map((name) => name.slice(3)).filter(isDay).sort();
}

/** Names of the files that a reader would take for a day's of a dataset. */
export function listFiles(lane: string, day: Day, dataset: string): string[] {
  return entriesOf(join(lane, `dt=${day}`)).map(({ name }) => name).filter((name) => isFileOf(dataset, name)).sort();
}

/** What is in a directory. It is read at once: of many days, promises would cost more than the disk. */
export function entriesOf(directory: string): Deno.DirEntry[] {
  return [...Deno.readDirSync(directory)];
}

/** What is wrong with a file on the disk. */
export interface Damage {
  /** The day it belongs to. */
  readonly day: Day;
  /** Name of the file. */
  readonly file: string;
  /** For example "is missing". */
  readonly finding: string;
  /** Whether the manifest does not know it. */
  readonly isUnknown: boolean;
}

/** Everything by which the files of a lane differ from its manifest.
 *
 * Without `deep` only names, kinds and sizes are looked at; with it, every byte.
 */
export async function findDamage(lane: string, manifest: Manifest, deep: boolean): Promise<Damage[]> {
  const damages: Damage[] = [];
  const there = new Set(await listDays(lane));
  const pause = createPause();
  for (const [day, { files }] of Object.entries(manifest.days)) {
    await pause();
    for (const file of files) {
      const path = join(lane, filePath(day, file.file));
      // What a link in place of a day leads to is not looked at.
      const finding = there.has(day) ? await fileFinding(path, file, deep) : "is missing";
      if (finding) damages.push({ day, file: file.file, finding, isUnknown: false });
    }
  }
  return [...damages, ...await findUnknown(lane, manifest, there)];
}

async function fileFinding(path: string, file: ManifestFile, deep: boolean): Promise<string | undefined> {
  const stat = lstatSync(path);
  if (stat === undefined) return "is missing";
  if (!stat.isFile) return "is not a regular file";
  if (stat.size !== file.sizeBytes) return `has ${stat.size} bytes, not ${file.sizeBytes}`;
  try {
    if (deep && await sha256OfFile(path) !== file.sha256) return "has other bytes than were written";
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
  return undefined;
}

/** Files with a day's name that the manifest does not know: a reader would take their rows for the lane's. */
async function findUnknown(lane: string, manifest: Manifest, days: Iterable<Day>): Promise<Damage[]> {
  const damages: Damage[] = [];
  const pause = createPause();
  for (const day of days) {
    await pause();
    const known = new Set(manifest.days[day]?.files.map(({ file }) => file));
    const unknown = listFiles(lane, day, manifest.dataset).filter((name) => !known.has(name));
    damages.push(...unknown.map((file) => ({ day, file, finding: "is not in the manifest", isUnknown: true })));
  }
  return damages;
}
