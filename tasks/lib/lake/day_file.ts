import { createHash } from "node:crypto";
import type { SentChunk, StoredGroup } from "../parquet/sent_chunk.ts";
import type { Column } from "../dataset/dataset.ts";
import { DAY_MICROS } from "../dataset/day.ts";
import type { ManifestDay, ManifestFile } from "./manifest.ts";
import { readRange, replacing, sha256OfFile, writeAll } from "../task/files.ts";
import {
  boundsOf,
  type EncodedGroup,
  encodeGroup,
  footerLength,
  footerOf,
  formatFooter,
  moveGroup,
  PARQUET_MAGIC,
  type ParquetFooter,
  parseFooter,
  type RowGroup,
  schemaBytes,
  TAIL_BYTES,
} from "../parquet/footer.ts";

/** A row group of an existing file, with the footer it comes from. */
export interface OldGroup {
  /** The file. */
  readonly path: string;
  /** All of the file's footer. */
  readonly footer: ParquetFooter;
  /** The one row group. */
  readonly group: RowGroup;
}

/** A day's file on the disk under its temporary name: joined, checked, synced. */
export interface JoinedFile
  extends Pick<ManifestFile, "sizeBytes" | "sha256">, Pick<ManifestDay, "firstMicros" | "lastMicros"> {
  /** Temporary path. */
  readonly path: string;
}

/** One Parquet file that is joined from row groups, one after another; no page is encoded anew. */
export interface DayFile {
  /** Appends the row group of a verified chunk. */
  addChunk(chunk: Pick<SentChunk, "bytes" | "sha256">): Promise<void>;
  /** Appends a row group of an existing file as it is. */
  copyGroup(old: OldGroup): Promise<void>;
  /** Writes the footer, syncs, and reads everything back; undefined where there is no row group, and so no file. */
  finish(): Promise<JoinedFile | undefined>;
  /** Takes no more, and resolves when nothing is being written any more. */
  close(): Promise<void>;
}

/** What a day's file needs beside its row groups. */
export interface DayFileOptions {
  /** Key-value metadata. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Column that gives the day. */
  readonly day: Pick<Column, "name" | "layout">;
}

/** A day's file under a temporary path, which is made with its first row group.
 *
 * Errors: TaskError naming the path when it cannot be written, or does not read back as it was written.
 */
export function createDayFile(path: string, { metadata, day }: DayFileOptions): DayFile {
  const groups: WrittenGroup[] = [];
  let file: Deno.FsFile | undefined;
  let like: ParquetFooter | undefined;
  let end = PARQUET_MAGIC.length;
  let closed = false;
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = tail.then(() => {
      if (closed) throw new Error("the file was closed");
      return replacing(path, work);
    });
    tail = turn.catch(() => {});
    return turn;
  };
  const append = async (footer: ParquetFooter, group: RowGroup, write: (target: Deno.FsFile) => Promise<string>) => {
    expectSameSchema(like ??= footer, footer);
    if (file === undefined) {
      file = await Deno.open(path, { write: true, createNew: true, mode: 0o644 });
      await writeAll(file, PARQUET_MAGIC);
    }
    const moved = encodeGroup(moveGroup(group, end - group.start));
    groups.push({ group: moved, sha256: await write(file), ...instantsOf(group, day) });
    end += group.end - group.start;
  };
  const release = () => {
    file?.close();
    file = undefined;
  };
  return {
    addChunk: ({ bytes, sha256 }) =>
      inTurn(async () => {
        const footer = footerOf(bytes);
        const [group] = footer.groups;
        await append(footer, group, async (target) => {
          await writeAll(target, bytes.subarray(group.start, group.end));
          return sha256;
        });
      }),
    copyGroup: ({ path: from, footer, group }) =>
      inTurn(() => append(footer, group, (target) => copyRange(from, group, target))),
    finish: () =>
      inTurn(async () => {
        if (file === undefined) return undefined;
        // A footer as it was read is large, and many days may be finished.
        const written = groups.splice(0);
        const footer = formatFooter(like!, written.map(({ group }) => group), metadata);
        like = undefined;
        await writeAll(file, footer);
        await file.sync();
        release();
        return await readBack(path, written, { footer, sizeBytes: end + footer.length });
      }),
    async close() {
      closed = true;
      await tail;
      release();
    },
  };
}

/** A row group's place in the joined file, and the digest of its bytes as they were verified. */
interface WrittenGroup {
  readonly group: EncodedGroup;
  readonly sha256: string;
  /** Bounds of the column that gives the day, in microseconds since 1970. */
  readonly min: bigint;
  readonly max: bigint;
}

function expectSameSchema(one: ParquetFooter, other: ParquetFooter): void {
  if (one === other) return;
  const [bytes, others] = [schemaBytes(one), schemaBytes(other)];
  const same = bytes.length === others.length && bytes.every((byte, index) => byte === others[index]);
  if (!same) throw new Error("its row groups have different columns");
}

async function copyRange(path: string, { start, end }: RowGroup, target: Deno.FsFile): Promise<string> {
  const hash = createHash("sha256");
  using source = await Deno.open(path);
  for await (const piece of readRange(source, start, end)) {
    hash.update(piece);
    await writeAll(target, piece);
  }
  return hash.digest("hex");
}

/** Compares the file on the disk with what was to be in it: every row group's bytes, and the footer. */
async function readBack(
  path: string,
  groups: readonly WrittenGroup[],
  written: { readonly footer: Uint8Array; readonly sizeBytes: number },
): Promise<JoinedFile> {
  using file = await Deno.open(path);
  for (const { group, sha256 } of groups) {
    const hash = createHash("sha256");
    for await (const piece of readRange(file, group.start, group.end)) hash.update(piece);
    if (hash.digest("hex") !== sha256) throw new Error("a row group does not read back as it was verified");
  }
  // Compared as bytes: the objects of a large file's footer would need more memory than all else.
  const footer = await readExactly(file, written.sizeBytes - written.footer.length, written.sizeBytes);
  if (footer.some((byte, index) => byte !== written.footer[index])) {
    throw new Error("its footer does not read back as it was written");
  }
  return { path, sizeBytes: written.sizeBytes, sha256: await sha256OfFile(path), ...microsOf(groups) };
}

/** The least and the greatest of some instants, in microseconds since 1970, as a manifest has them. */
export function microsOf(
  spans: readonly Readonly<Record<"min" | "max", bigint>>[],
): Pick<ManifestDay, "firstMicros" | "lastMicros"> {
  const first = spans.map(({ min }) => min).reduce((a, b) => a < b ? a : b);
  const last = spans.map(({ max }) => max).reduce((a, b) => a > b ? a : b);
  return { firstMicros: `${first}`, lastMicros: `${last}` };
}

/** The first and last instant that a row group names in the column that gives the day. */
function instantsOf(
  group: RowGroup,
  { name, layout }: DayFileOptions["day"],
): { readonly min: bigint; readonly max: bigint } {
  const { min, max } = boundsOf(group, name)!;
  const micros = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return layout === "date" ? BigInt(view.getInt32(0, true)) * DAY_MICROS : view.getBigInt64(0, true);
  };
  return { min: micros(min), max: micros(max) };
}

/** The footer of a file on the disk.
 *
 * Errors: RangeError or Error where it is no Parquet file, or a row group lies outside of it.
 */
export async function readFooter(path: string): Promise<ParquetFooter> {
  using file = await Deno.open(path);
  const sizeBytes = (await file.stat()).size;
  const end = sizeBytes - TAIL_BYTES;
  const length = end < PARQUET_MAGIC.length ? -1 : footerLength(await readExactly(file, end, sizeBytes));
  if (length < 0 || length > end - PARQUET_MAGIC.length) throw new RangeError("it is no Parquet file");
  const footer = parseFooter(await readExactly(file, end - length, end));
  let at = PARQUET_MAGIC.length;
  for (const group of footer.groups) {
    if (!(group.start >= at && group.end > group.start && group.end <= end - length)) {
      throw new RangeError("a row group lies outside of its file");
    }
    at = group.end;
  }
  return footer;
}

async function readExactly(file: Deno.FsFile, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let at = 0;
  for await (const piece of readRange(file, start, end)) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** A row group as it is sent to a thread, which makes a file of its own of it. */
export function toStoredGroup({ path, footer, group }: OldGroup): StoredGroup {
  const alone = moveGroup(group, PARQUET_MAGIC.length - group.start);
  return { path, start: group.start, end: group.end, footer: formatFooter(footer, [alone]) };
}
