import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { lockEmbedded, type LockWait } from "./embedded_files.ts";
import { recordStart } from "./embedded_starts.ts";
import { freePort } from "./free_port.ts";
import type { EmbeddedTarget, ServerTarget } from "../task/target.ts";

/** The embedded database, served on a loopback port for as long as it is open. */
export interface EmbeddedDatabase extends AsyncDisposable {
  /** Where to connect to; one session at a time. */
  readonly target: ServerTarget;
  /** Absolute path of its directory. */
  readonly directory: string;
  /** Ids of its starts, this one last; a database that is made anew or put back from a copy has lost those behind it. */
  readonly starts: readonly string[];
}

/** Opens PGlite in a directory, which is made when it is not there.
 *
 * A second process on the same directory would silently lose rows, so a lock file beside it admits one at a time.
 *
 * Errors: TaskError (exit 5) naming the process that has it open.
 */
export async function openEmbedded(target: EmbeddedTarget, wait: LockWait): Promise<EmbeddedDatabase> {
  const { directory, label } = target;
  const lock = await lockEmbedded(target, wait);
  try {
    await Deno.mkdir(directory, { recursive: true });
    const db = await PGlite.create(directory, { relaxedDurability: false });
    const origin = { directory: await Deno.realPath(directory), starts: await recordStart(directory) };
    const port = await freePort();
    const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port });
    await server.start();
    return {
      target: {
        kind: "server",
        host: "127.0.0.1",
        port,
        user: "postgres",
        password: "",
        database: "postgres",
        tls: false,
        local: true,
        label,
      },
      ...origin,
      async [Symbol.asyncDispose]() {
        await server.stop();
        await db.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** An empty Postgres in this process's memory. */
export interface ScratchDatabase extends AsyncDisposable {
  /** Runs statements as one and gives the rows of the last. */
  run(text: string): Promise<readonly unknown[]>;
}

/** Opens an empty PGlite in memory, gone when it is closed. */
export async function openScratch(): Promise<ScratchDatabase> {
  const db = await PGlite.create();
  return {
    run: async (text) => (await db.exec(text)).at(-1)?.rows ?? [],
    [Symbol.asyncDispose]: () => db.close(),
  };
}
