import type { Readable } from "node:stream";
import { type Sql, tapRows } from "./connection.ts";
import type { TakeRow } from "./copy_tap.ts";
import { type Patience, unlessStalled } from "./stall.ts";

/** What a COPY is read with. */
export interface CopyOptions {
  /** Takes each message of the COPY as it comes: its header, a row, or its trailer. While a promise that it gives is not
   * resolved, the server waits. */
  readonly take: (...row: Parameters<TakeRow>) => void | Promise<void>;
  /** How long to wait for the server. */
  readonly patience: Patience;
}

/** Runs one COPY ... TO STDOUT; resolves when it has ended.
 *
 * Rows are taken off the socket: postgres.js would make three buffers of each. Whoever takes a row for a while lets the
 * server wait by that.
 *
 * Errors: what `take` throws, which ends the session; TaskError on a server that stalls; the server's own.
 */
export async function copyOut(sql: Sql, text: string, { take, patience }: CopyOptions): Promise<void> {
  let [received, waits] = [0, 0];
  let waited: Promise<void> = Promise.resolve();
  let hasFailed = false;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const fail = (error: unknown) => {
    hasFailed = true;
    reject(error);
    tap.destroy();
  };
  using tap = tapRows(sql, (bytes, start, end) => {
    // Rows that have come by then are nobody's.
    if (hasFailed) return;
    received++;
    try {
      const wait = take(bytes, start, end);
      if (wait === undefined) return;
      waits++;
      const over = tap.pause(wait).then(() => void waits--);
      over.catch(fail);
      waited = Promise.all([waited, over]).then(() => {});
      waited.catch(() => {});
    } catch (error) {
      fail(error);
    }
  });
  const opening = Promise.race([begin(sql, text), failed]);
  const stream = await unlessStalled(opening, { what: "a row" }, patience);
  try {
    // The time that the taker needs is not the server's.
    const more = { what: "a row", received: () => waits > 0 ? ++received : received };
    await unlessStalled(Promise.race([endOf(stream).then(() => waited), failed]), more, patience);
  } finally {
    stream.destroy();
  }
}

/** What is left of the stream of a COPY whose rows are taken off the socket: its end or its failure. */
async function begin(sql: Sql, text: string): Promise<Readable> {
  const stream = await sql.unsafe(text).readable() as unknown as Readable;
  // Where the taker has failed by now, nobody else listens.
  return stream.on("error", () => {});
}

/** Resolves at the end of the rows, all of which have been taken before it. */
function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("end", resolve).on("error", reject);
    stream.on("close", () => reject(new Error("the connection was lost")));
    stream.resume();
  });
}
