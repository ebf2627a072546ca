import { sharesSessions } from "./pooler.ts";
import { closeConnection, connect, type ConnectOptions, defaultWaitMs, type Sql } from "./connection.ts";
import type { EmbeddedDatabase } from "./embedded.ts";
import type { Report } from "../task/console.ts";
import type { Environment, ServerTarget, Target } from "../task/target.ts";

/** Where a database is: what its own answers do not tell. */
export interface Origin extends Pick<ServerTarget, "host" | "port"> {
  /** Set for the embedded database. */
  readonly embedded?: Pick<EmbeddedDatabase, "directory" | "starts">;
}

/** An open database: a server's, or the embedded one behind a loopback port. */
export interface Database extends AsyncDisposable, Pick<ServerTarget, "label" | "local"> {
  /** Its one session. */
  readonly sql: Sql;
  /** Whether it is the embedded database. */
  readonly embedded: boolean;
  /** Where it is, for `readServerState`. */
  readonly origin: Origin;
  /** Whether a pooler in transaction mode stands before it: then nothing that belongs to a session can be relied on. */
  isPooled(): Promise<boolean>;
}

/** Options of `openDatabase`. */
export interface DatabaseOptions extends Omit<ConnectOptions, "onWait"> {
  /** Where waiting, and any database but one of this machine's servers for `local`, are announced. */
  readonly report: Report;
  /** The environment that it is the database of; `local` where undefined. */
  readonly env?: Environment;
  /** How long to wait for another process that has the embedded database; as long as for a server where undefined. */
  readonly embeddedWaitMs?: number;
}

/** Opens a target, and announces which, unless it is a local server for the local environment.
 *
 * A tunnel makes any server look local: what is not of the environment `local` is announced, too. The embedded database
 * is loaded only here.
 */
export async function openDatabase(target: Target, options: DatabaseOptions): Promise<Database> {
  const { report, env = "local", signal, embeddedWaitMs = options.waitMs ?? defaultWaitMs(target) } = options;
  if (target.kind === "server") {
    if (!target.local || env !== "local") report.note(`Using ${target.label} (--env ${env})`);
    return await openServer(target, undefined, options);
  }
  report.note(`Using the ${target.label} (DATABASE_URL is not set)`);
  const { openEmbedded } = await import("./embedded.ts");
  await using stack = new AsyncDisposableStack();
  const embedded = stack.use(await openEmbedded(target, { waitMs: embeddedWaitMs, signal, note: report.note }));
  const database = stack.use(await openServer(embedded.target, embedded, options));
  const open = stack.move();
  return { ...database, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function openServer(
  target: ServerTarget,
  embedded: Origin["embedded"],
  options: DatabaseOptions,
): Promise<Database> {
  const onWait = (finding: string) => options.report.note(`Waiting for ${target.label}: ${finding}`);
  const sql = await connect(target, { ...options, onWait });
  return {
    sql,
    label: target.label,
    local: target.local,
    embedded: embedded !== undefined,
    origin: { host: target.host, port: target.port, embedded },
    isPooled: () => embedded ? Promise.resolve(false) : sharesSessions(sql, target),
    [Symbol.asyncDispose]: () => closeConnection(sql),
  };
}
