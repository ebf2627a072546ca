import type { StoredTuples } from "../dataset/source.ts";
import type { StoredGroup } from "../parquet/sent_chunk.ts";
import { PARQUET_MAGIC } from "../parquet/footer.ts";
import type { ChunkWriter } from "../parquet/writer.ts";
import { MAX_GROUP_ROWS } from "../sources/segments.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import type { Groups } from "./groups.ts";
import type { FileRun, OldRows, RunEvent } from "./messages.ts";

/** What rows of files are read with. */
export interface FileContext {
  /** Knows rows of old row groups; not needed where there are none. */
  readonly writer?: Pick<ChunkWriter, "countSuperseded">;
  readonly groups: Groups;
  readonly emit: (event: RunEvent) => void;
}

/** Reads what files have of a day: old row groups, and then new rows.
 *
 * Row groups are copied as they are where none of their rows is replaced; the last one becomes one with the new rows.
 *
 * Errors: TaskError naming a file that cannot be read.
 */
export function readFileRows({ kind, groups: old, isRead, stored }: FileRun, context: FileContext): void {
  const { groups, writer, emit } = context;
  const newRows = stored.flatMap(({ blocks }) => blocks).reduce((sum, { rows }) => sum + rows, 0);
  groups.begin(newRows);
  const keep = (file: Uint8Array, { rows }: OldRows) => groups.keep(file, rows, kind);
  for (const [index, one] of old.entries()) {
    const joins = index === old.length - 1 && newRows > 0 && one.rows + newRows <= MAX_GROUP_ROWS;
    const file = readGroup(one.group);
    const replaced = one.asItIs && isRead ? writer!.countSuperseded(file) : 0;
    if (one.asItIs && replaced === one.rows) continue;
    if (one.asItIs && replaced === 0 && !joins) {
      groups.cut();
      emit({ kind: "copy", index });
      continue;
    }
    keep(file, one);
    if (!joins && one.asItIs) groups.cut();
  }
  for (const one of stored) addStored(one, groups);
  groups.end();
}

/** Appends the tuples of a file, block by block. */
function addStored({ path, start, blocks }: StoredTuples, groups: Groups): void {
  let at = start;
  for (const { sizeBytes, rows } of blocks) {
    groups.add(readBytes(path, at, sizeBytes), rows);
    at += sizeBytes;
  }
}

/** A row group as a Parquet file of its own. */
export function readGroup({ path, start, end, footer }: StoredGroup): Uint8Array {
  const size = end - start;
  const file = new Uint8Array(PARQUET_MAGIC.length + size + footer.length);
  file.set(PARQUET_MAGIC);
  file.set(footer, PARQUET_MAGIC.length + size);
  try {
    readInto(file.subarray(PARQUET_MAGIC.length, PARQUET_MAGIC.length + size), path, start);
  } catch (error) {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; run deno task export --from all --verify`);
  }
  return file;
}

function readBytes(path: string, start: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  try {
    readInto(bytes, path, start);
  } catch (error) {
    throw new TaskError(`Cannot read "${path}": ${messageOf(error)}; run the export again`);
  }
  return bytes;
}

function readInto(target: Uint8Array, path: string, start: number): void {
  using file = Deno.openSync(path);
  file.seekSync(start, Deno.SeekMode.Start);
  for (let at = 0; at < target.length;) {
    const read = file.readSync(target.subarray(at));
    if (read === null) throw new Error("it is cut");
    at += read;
  }
}
