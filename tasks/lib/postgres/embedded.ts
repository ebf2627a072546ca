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
  await using stack = new AsyncDisposableStack();
  stack.use(await lockEmbedded(target, wait));
  await Deno.mkdir(directory, { recursive: true });
  const db = stack.adopt(await PGlite.create(directory, { relaxedDurability: false }), (db) => db.close());
  const starts = await recordStart(directory);
  const place = { host: "127.0.0.1", port: await freePort() };
  const server = new PGLiteSocketServer({ db, ...place });
  await server.start();
  stack.defer(() => server.stop());
  const login = { user: "postgres", password: "", database: "postgres" };
  const real = await Deno.realPath(directory);
  const open = stack.move();
  return {
    target: { kind: "server", ...place, ...login, tls: false, local: true, label },
    directory: real,
    starts,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
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
