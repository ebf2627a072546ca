import postgres from "postgres";
import { EXIT, TaskError } from "./errors.ts";
import { serverErrorOf } from "./server_error.ts";
import { directHostOf, type ServerTarget } from "./target.ts";

/** A connection to Postgres: postgres.js with one session, whose timestamps, numerics and bigints arrive as text. */
export type Sql = postgres.Sql<Record<string, string>>;

/** Options of `connect`. */
export interface ConnectOptions {
  /** How long to wait for a server that is not there yet. */
  readonly waitMs?: number;
  /** Called once, when the first attempt has failed and another one follows. */
  readonly onWait?: (finding: string) => void;
  readonly signal?: AbortSignal;
}

/** Tells a task that dies of a lost connection from one that the server refused for good. */
const NOT_THERE_YET = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "57P03",
  "53300",
]);

/** An open session on a server.
 *
 * An attempt that fails because nothing answers is repeated until `waitMs` is over; a refusal (password, database,
 * certificate) ends at once. Close it with `closeConnection`.
 *
 * Errors: TaskError (exit 1) naming user@host/database.
 */
export async function connect(target: ServerTarget, options: ConnectOptions = {}): Promise<Sql> {
  const { waitMs = 10_000, signal } = options;
  const deadline = performance.now() + waitMs;
  for (let attempt = 0;; attempt++) {
    const left = deadline - performance.now();
    const sql = open(target, Math.max(1, Math.ceil(left / 1000)));
    try {
      await withDeadline(sql`select 1`, Math.max(left, 500), signal);
      return sql;
    } catch (error) {
      await sql.end({ timeout: 0 }).catch(() => {});
      signal?.throwIfAborted();
      const { code, message } = serverErrorOf(error);
      const waits = NOT_THERE_YET.has(code) || (code === "XX000" && message.includes("compute node"));
      if (!waits || performance.now() + 250 > deadline) throw connectError(target, error);
      if (attempt === 0) options.onWait?.(describeNetwork(code) ?? message);
      await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** attempt, 2000)));
    }
  }
}

/** Ends a session; never waits longer than five seconds for it. */
export async function closeConnection(sql: Sql): Promise<void> {
  await sql.end({ timeout: 5 }).catch(() => {});
}

function open(target: ServerTarget, connectTimeoutS: number): Sql {
  const asText = { to: 25, serialize: String, parse: (text: string) => text };
  return postgres({
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    ssl: target.tls ? "verify-full" : false,
    max: 1,
    // A pooler in transaction mode keeps no prepared statement for us, and nothing here repeats one often enough to gain.
    prepare: false,
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: connectTimeoutS,
    connection: { application_name: "heretix-data-lane" },
    // A Date would lose microseconds, and cannot hold infinity at all.
    types: { date: { ...asText, from: [1082, 1114, 1184] } },
    onnotice: () => {},
  }) as unknown as Sql;
}

/** Rejects when the time is over: postgres.js reconnects for ever to a peer that accepts and closes. */
async function withDeadline<T>(work: PromiseLike<T>, ms: number, signal?: AbortSignal): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort: (() => void) | undefined;
  const stop = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("no answer"), { code: "CONNECT_TIMEOUT" })), ms);
    abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([work, stop]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort!);
  }
}

/** Plain words for a network code; undefined for a SQLSTATE. */
function describeNetwork(code: string): string | undefined {
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name cannot be resolved";
  if (code === "CONNECT_TIMEOUT" || code === "ETIMEDOUT") return "it does not answer";
  if (/^CONNECTION_|^ECONNRESET$|^EPIPE$/.test(code)) return "it closes the connection";
  return undefined;
}

function connectError(target: ServerTarget, error: unknown): TaskError {
  const { code, message } = serverErrorOf(error);
  const finding = describeNetwork(code) ?? message;
  const where = `Cannot connect to "${target.label}" (port ${target.port}): ${finding}`;
  const direct = directHostOf(target.host);
  const remedy = code === "28P01" || code === "28000"
    ? "check user and password in the database URL"
    : code === "3D000"
    ? "create the database or correct its name in the database URL"
    : target.local
    ? "start it with deno task db:up, or unset DATABASE_URL to use the embedded database"
    : direct
    ? `check that the server runs, or try its direct host ${direct}`
    : "check that the server runs and can be reached from here";
  return new TaskError(`${where}; ${remedy}`, EXIT.failed);
}
