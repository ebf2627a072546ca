import type { Readable } from "node:stream";
import { BLOCK_BYTES, type BlockPool } from "../copy/block_pool.ts";
import { headerSize, isTrailer } from "../copy/decode.ts";
import { POSTGRES_EPOCH_DAYS, POSTGRES_EPOCH_MICROS } from "../copy/columns.ts";
import type { Column } from "../dataset/dataset.ts";
import { type Day, DAY_MICROS, dayOf, startOf } from "../dataset/day.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import type { DayBlock } from "../dataset/source.ts";
import { type Patience, unlessStalled } from "../postgres/stall.ts";

/** Blocks read ahead of the consumer. */
const MAX_QUEUED = 4;

/** Position of a tuple's first field, whose day is the tuple's: after the field count and the field's length. */
const FIRST_FIELD = 6;

/** Blocks of a COPY stream of tuples of so many `fields`, ordered by the first, a timestamp or date; none spans two days.
 *
 * The server sends one tuple a message, so a chunk of the stream is one tuple. The time that the consumer takes for a
 * block is not the server's.
 *
 * Errors: CopyFormatError on a chunk that is none, TaskError on a stream that stalls or ends without its trailer.
 * Source: PostgreSQL manual, "COPY Operations" of the message flow: "always one per row".
 */
export async function* splitByDay(
  stream: Readable,
  fields: readonly Column[],
  { blocks, patience }: { readonly blocks: BlockPool; readonly patience: Patience },
): AsyncGenerator<DayBlock> {
  const queue: DayBlock[] = [];
  const more = { what: "a row", received: () => chunks };
  const splitter = createSplitter(fields, blocks, (block) => queue.push(block));
  let wake = () => {};
  let chunks = 0;
  let state = "open" as "open" | "ended" | Error;
  stream.on("data", (chunk: Uint8Array) => {
    chunks++;
    try {
      splitter.add(chunk);
    } catch (error) {
      stream.destroy(error as Error);
    }
    if (queue.length === 0) return;
    if (queue.length > MAX_QUEUED) stream.pause();
    wake();
  });
  stream.on("end", () => (state = "ended", wake()));
  stream.on("error", (error: Error) => (state = error, wake()));
  stream.on("close", () => (state = state === "open" ? new Error("the connection was lost") : state, wake()));
  try {
    for (;;) {
      const block = queue.shift();
      if (block !== undefined) {
        if (stream.isPaused() && queue.length < MAX_QUEUED / 2) stream.resume();
        yield block;
      } else if (state === "ended") break;
      else if (state instanceof Error) throw state;
      else await unlessStalled(new Promise<void>((resolve) => wake = resolve), more, patience);
    }
    splitter.end();
    yield* queue;
  } finally {
    if (state === "ended") resumeSocket(stream);
    stream.destroy();
  }
}

/** postgres.js stops its socket while the stream is full, and the end of the rows alone does not start it again. */
function resumeSocket(stream: Readable): void {
  try {
    stream._read(0);
  } catch {
    // The socket is gone: the next query tells.
  }
}

/** Collects tuples into blocks. */
interface Splitter {
  add(chunk: Uint8Array): void;
  end(): void;
}

function createSplitter(fields: readonly Column[], blocks: BlockPool, emit: (block: DayBlock) => void): Splitter {
  let block = blocks.take(BLOCK_BYTES);
  let [at, rows] = [0, 0];
  let day: Day | undefined;
  const isDate = fields[0].layout === "date";
  // First value after the day, by halves of a signed 64-bit number: no BigInt is made for a tuple. A date has the first
  // half alone, and 0 for the other.
  let [endHigh, endLow] = [-0x80000000, 0];
  let started = false;
  let ended = false;
  const flush = () => {
    if (rows > 0) emit({ day: day!, tuples: block.subarray(0, at), rows });
    if (rows > 0) block = blocks.take(BLOCK_BYTES);
    [at, rows] = [0, 0];
  };
  const startDay = (tuple: Uint8Array) => {
    flush();
    const field = new DataView(tuple.buffer, tuple.byteOffset + FIRST_FIELD);
    if (isDate) {
      const days = field.getInt32(0);
      day = dayOf(BigInt(days + POSTGRES_EPOCH_DAYS) * DAY_MICROS);
      endHigh = days + 1;
      return;
    }
    day = dayOf(field.getBigInt64(0) + POSTGRES_EPOCH_MICROS);
    const end = startOf(day) + DAY_MICROS - POSTGRES_EPOCH_MICROS;
    [endHigh, endLow] = [Number(BigInt.asIntN(32, end >> 32n)), Number(end & 0xffffffffn)];
  };
  return {
    add(chunk) {
      let tuple = chunk;
      if (!started) {
        tuple = chunk.subarray(headerSize(chunk));
        started = true;
        if (tuple.length === 0) return;
      }
      if (isTrailer(tuple)) {
        ended = true;
        return;
      }
      if (((tuple[0] << 8) | tuple[1]) !== fields.length) {
        throw new Error("a message of the COPY stream is not one row");
      }
      const high = (tuple[6] << 24) | (tuple[7] << 16) | (tuple[8] << 8) | tuple[9];
      const low = ((tuple[10] << 24) | (tuple[11] << 16) | (tuple[12] << 8) | tuple[13]) >>> 0;
      if (high > endHigh || (high === endHigh && low >= endLow)) startDay(tuple);
      if (at + tuple.length > block.length) {
        flush();
        if (tuple.length > block.length) block = blocks.take(tuple.length);
      }
      block.set(tuple, at);
      at += tuple.length;
      rows++;
    },
    end() {
      if (!ended) {
        throw new TaskError("Cannot read rows: the stream ends without its trailer; run the export again", EXIT.failed);
      }
      flush();
    },
  };
}
