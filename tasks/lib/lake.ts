import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { type Day, isDay } from "./day.ts";
import { messageOf, TaskError } from "./errors.ts";
import { formatManifest, type Manifest, type ManifestPart, parseManifest, PART_FILE } from "./manifest.ts";

const MANIFEST = "_manifest.json";
const COMMIT = "_commit.json";

/** Names of files that are not finished, and of SQLite's journals of them: a leading dot, and no ending that a reader
 * looks for. */
const UNFINISHED = /^\.[\w.-]+\.[0-9a-f-]{36}\.part(-journal)?$/;

/** What will be visible after a commit. Paths are relative to the lane. */
export interface Commit {
  /** Finished temporary files and the names they get. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** Parts that go. */
  readonly removals: readonly string[];
  /** What the lane holds then. */
  readonly manifest: Manifest;
}

/** Directory of a lane. */
export function laneDirectory(exportDir: string, lane: string): string {
  return join(resolve(exportDir), lane);
}

/** Name of a day's n-th file, from 1. */
export function partFile(number: number): string {
  return number === 1 ? "checks.parquet" : `checks-${number}.parquet`;
}

/** Path of a day's file, relative to the lane. */
export function partPath(day: Day, file: string): string {
  return `dt=${day}/${file}`;
}

/** A fresh temporary path beside a path. */
export function unfinishedPath(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}.${path.slice(slash)}.${crypto.randomUUID()}.part`;
}

/** Makes the empty file that a thread will fill: one that outlives its export finds it gone and leaves nothing behind. */
export function createUnfinished(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o644 }).close();
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; nothing was replaced`);
  }
}

/** Makes a lane's directory. */
export async function createLane(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true });
  } catch (error) {
    throw new TaskError(`Cannot create lane "${directory}": ${messageOf(error)}; choose another directory with --out`);
  }
}

/** Makes the directory of a day, which must be a real directory: a link would lead writes out of the lane. */
export async function createDay(lane: string, day: Day): Promise<void> {
  const path = join(lane, `dt=${day}`);
  const stat = await lstat(path);
  if (stat === undefined) await replacing(path, () => Deno.mkdir(path));
  else if (!stat.isDirectory) throw new TaskError(`Cannot write day "${path}": it is not a directory; move it away`);
}

/** The manifest of a lane; undefined where it has none. */
export async function readManifest(lane: string): Promise<Manifest | undefined> {
  const path = join(lane, MANIFEST);
  const text = await readText(path);
  return text === undefined ? undefined : parseManifest(path, text);
}

/** What is left to do once a commit is decided: renames and removals, which need no room on the disk. */
interface Journal extends Pick<Commit, "renames" | "removals"> {
  /** The new manifest's temporary name. */
  readonly manifest: string;
}

/** Makes a commit visible, all of it or, if the process dies before its journal is written, nothing.
 *
 * The journal is written first; from then on `recover` finishes what a killed process began.
 */
export async function commit(lane: string, { renames, removals, manifest }: Commit): Promise<void> {
  for (const path of [...renames.map(({ to }) => to), ...removals]) await expectNoDirectory(join(lane, path));
  const journal: Journal = { renames, removals, manifest: unfinishedPath(MANIFEST) };
  await writeAside(lane, MANIFEST, journal.manifest, formatManifest(manifest));
  // What the journal names must outlive a power cut before the journal does.
  for (const day of daysOf(renames.map(({ to }) => to))) await syncDirectory(join(lane, day));
  const unfinished = unfinishedPath(COMMIT);
  await writeAside(lane, COMMIT, unfinished, JSON.stringify(journal));
  await rename(lane, unfinished, COMMIT);
  await syncDirectory(lane);
  await finish(lane, journal);
}

async function expectNoDirectory(path: string): Promise<void> {
  if ((await lstat(path))?.isDirectory) {
    throw new TaskError(`Cannot replace "${path}": it is a directory; move it away`);
  }
}

async function finish(lane: string, { renames, removals, manifest }: Journal): Promise<void> {
  for (const { from, to } of renames) await rename(lane, from, to);
  for (const path of removals) await removeFile(join(lane, path));
  const days = daysOf([...renames.map(({ to }) => to), ...removals]);
  for (const day of days) await syncDirectory(join(lane, day));
  for (const day of days) await removeIfEmpty(join(lane, day));
  await rename(lane, manifest, MANIFEST);
  await syncDirectory(lane);
  await removeFile(join(lane, COMMIT));
  await syncDirectory(lane);
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

/** Finishes the commit of a killed process and removes its unfinished files. Only under the lane's lock. */
export async function recover(lane: string): Promise<void> {
  const journal = await readText(join(lane, COMMIT));
  if (journal !== undefined) await finish(lane, parseJournal(join(lane, COMMIT), journal));
  await removeUnfinished(lane);
  for (const day of await listDays(lane)) {
    await removeUnfinished(join(lane, `dt=${day}`));
    await removeIfEmpty(join(lane, `dt=${day}`));
  }
}

function parseJournal(path: string, text: string): Journal {
  try {
    return JSON.parse(text);
  } catch {
    throw new TaskError(`Cannot read journal "${path}": it is not JSON; remove it and export with --verify`);
  }
}

async function removeUnfinished(directory: string): Promise<void> {
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (isFile && UNFINISHED.test(name)) await Deno.remove(join(directory, name));
  }
}

/** What is wrong with a part on the disk. */
export interface Damage {
  /** The day it belongs to. */
  readonly day: Day;
  /** Path relative to the lane. */
  readonly path: string;
  /** For example "is missing". */
  readonly finding: string;
}

/** Everything by which the files of a lane differ from its manifest.
 *
 * Without `deep` only names, kinds and sizes are looked at; with it, every byte.
 */
export async function findDamage(lane: string, manifest: Manifest, deep: boolean): Promise<Damage[]> {
  const damages: Damage[] = [];
  const there = new Set(await listDays(lane));
  for (const [day, { parts }] of Object.entries(manifest.days)) {
    for (const part of parts) {
      const path = partPath(day, part.file);
      // What a link in place of a day leads to is not looked at.
      const finding = there.has(day) ? await partFinding(join(lane, path), part, deep) : "is missing";
      if (finding) damages.push({ day, path, finding });
    }
  }
  return [...damages, ...await findUnknown(lane, manifest)];
}

async function partFinding(path: string, part: ManifestPart, deep: boolean): Promise<string | undefined> {
  const stat = await lstat(path);
  if (stat === undefined) return "is missing";
  if (!stat.isFile) return "is not a regular file";
  if (stat.size !== part.sizeBytes) return `has ${stat.size} bytes, not ${part.sizeBytes}`;
  try {
    if (deep && await sha256OfFile(path) !== part.sha256) return "has other bytes than were written";
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
  return undefined;
}

/** Names of the files that a reader would take for parts of a day. */
export async function listParts(lane: string, day: Day): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(join(lane, `dt=${day}`)), ({ name }) => name);
  return names.filter((name) => PART_FILE.test(name)).sort();
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

/** Files with a part's name that the manifest does not know: a reader would take their rows for the lane's. */
async function findUnknown(lane: string, manifest: Manifest): Promise<Damage[]> {
  const damages: Damage[] = [];
  for (const day of await listDays(lane)) {
    const known = new Set(manifest.days[day]?.parts.map(({ file }) => file));
    const unknown = (await listParts(lane, day)).filter((name) => !known.has(name));
    damages.push(...unknown.map((name) => ({ day, path: partPath(day, name), finding: "is not in the manifest" })));
  }
  return damages;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let size = await file.read(buffer); size !== null; size = await file.read(buffer)) {
    hash.update(buffer.subarray(0, size));
  }
  return hash.digest("hex");
}

/** Writes a small file under its temporary name, synced. */
async function writeAside(lane: string, name: string, unfinished: string, text: string): Promise<void> {
  await replacing(join(lane, name), async () => {
    using file = await Deno.open(join(lane, unfinished), { write: true, createNew: true });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  });
}

/** Runs a change of one path, whose failure leaves what was there. */
async function replacing(path: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; correct that and export again`);
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}`);
  }
}

async function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a file; that it is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(directory)) return;
    await Deno.remove(directory);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Makes renames in a directory last through a power cut. Windows has no such call. */
async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    using handle = await Deno.open(directory);
    await handle.sync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
