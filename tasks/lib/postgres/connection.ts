import postgres from "postgres";
import { orAbort } from "../task/abort.ts";
import { findInCertificate } from "./certificate_error.ts";
import { readCertificates } from "./certificate_file.ts";
import type { TakeRow } from "./copy_tap.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { type ServerError, serverErrorOf } from "./server_error.ts";
import { codedError, openSocketOnce, type SessionSocket, type SocketTarget } from "./socket.ts";
import { sleep } from "../task/sleep.ts";
import { directHostOf, type ServerTarget, type Target } from "../task/target.ts";

/** A connection to Postgres: postgres.js with one session, whose timestamps, numerics and bigints arrive as text.
 *
 * A session that is lost stays lost: its queries reject from then on, instead of going to a new session that has neither
 * the locks nor the settings of the old one.
 */
export type Sql = import("postgres").Sql<Record<string, string>>;

/** Options of `connect`. */
export interface ConnectOptions {
  /** How long to wait for a server that is not there yet; `defaultWaitMs` where undefined. */
  readonly waitMs?: number;
  /** Called once, when the first attempt has failed and another one follows, or goes on without an answer. */
  readonly onWait?: (finding: string) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** Codes of an attempt that a later one may do better than: a server that starts, wakes, or is full for the moment. */
const NOT_THERE_YET = new Set([
  ..."ECONNREFUSED ECONNRESET EHOSTUNREACH ENETUNREACH EPIPE ETIMEDOUT EAI_AGAIN".split(" "),
  ..."ERR_STREAM_DESTROYED ERR_STREAM_WRITE_AFTER_END".split(" "),
  ..."CONNECT_TIMEOUT CONNECTION_CLOSED CONNECTION_ENDED CONNECTION_DESTROYED".split(" "),
  ..."08001 08006 53300 57P01 57P02 57P03".split(" "),
]);

/** A suspended compute answers its first connection late; a silent peer must not use up the whole deadline. */
const ATTEMPT_MS = { least: 1000, most: 20_000 };

const PAUSE_MS = { first: 100, most: 2000 };

/** A server elsewhere may have to wake first; one of this machine runs or does not. */
const WAIT_MS = { remote: 60_000, local: 10_000 };

/** How long a task waits for its database without a --wait. */
export function defaultWaitMs({ local }: Pick<Target, "local">): number {
  return local ? WAIT_MS.local : WAIT_MS.remote;
}

/** How long a first attempt may go on before it is told that somebody waits. */
const SILENCE_MS = 2000;

/** An open session on a server.
 *
 * An attempt that fails because nothing answers is repeated until `waitMs` is over; a refusal (password, database,
 * certificate) ends at once. Close it with `closeConnection`.
 *
 * Errors: TaskError (exit 1) naming user@host:port/database; exit 2 for a file of authorities that is none.
 */
export async function connect(target: ServerTarget, options: ConnectOptions = {}): Promise<Sql> {
  const { waitMs = defaultWaitMs(target), signal } = options;
  const certificates = target.authorities ? await readCertificates(target.authorities) : undefined;
  const deadline = performance.now() + waitMs;
  using waiting = tellOnce(options.onWait);
  for (let pauseMs = PAUSE_MS.first;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.most)) {
    const leftMs = Math.max(ATTEMPT_MS.least, deadline - performance.now());
    const outcome = await attempt({ ...target, certificates }, Math.min(leftMs, ATTEMPT_MS.most), signal);
    if ("sql" in outcome) return outcome.sql;
    signal?.throwIfAborted();
    const { cause } = outcome;
    if (!mayGetBetter(cause) || performance.now() >= deadline) throw connectError(target, cause);
    waiting.tell(describeFinding(cause));
    await sleep(Math.min(pauseMs, Math.max(0, deadline - performance.now())), signal);
  }
}

/** Passes on the first of several findings, which is silence where none has come in time; none once it is disposed. */
function tellOnce(onWait: ConnectOptions["onWait"]): Disposable & { tell(finding: string): void } {
  let isTold = false;
  const tell = (finding: string) => {
    if (!isTold) onWait?.(finding);
    isTold = true;
  };
  const timer = setTimeout(() => tell(describeNetwork("CONNECT_TIMEOUT")!), SILENCE_MS);
  return { tell, [Symbol.dispose]: () => clearTimeout(timer) };
}

async function attempt(
  target: ServerTarget & SocketTarget,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<{ readonly sql: Sql } | { readonly cause: unknown }> {
  const sql = open(target, timeoutMs);
  try {
    // A query without a statement: no time limit of a role or a database is too short for it.
    await withDeadline(sql.unsafe(""), timeoutMs, signal);
    return { sql };
  } catch (cause) {
    await closeConnection(sql, 0);
    return { cause };
  }
}

function mayGetBetter(error: unknown): boolean {
  const { code, message } = serverErrorOf(error);
  return NOT_THERE_YET.has(code) || (code === "XX000" && message.includes("compute node"));
}

/** Who hears the WARNINGs of an open session. */
const listeners = new WeakMap<Sql, (message: string) => void>();

/** Passes on the message of each WARNING that the server raises in a session, until disposed. */
export function listenToWarnings(sql: Sql, listener: (message: string) => void): Disposable {
  listeners.set(sql, listener);
  return { [Symbol.dispose]: () => listeners.delete(sql) };
}

/** What a query gives; the server is asked to cancel it when the signal is aborted. */
export async function cancelledBy<T>(query: PromiseLike<T> & { cancel(): void }, signal?: AbortSignal): Promise<T> {
  const cancel = () => query.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await query;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

/** What `body` gives, in a transaction that ends with it; `modes` are those of BEGIN. */
export async function withTransaction<T>(sql: Sql, modes: string, body: (tx: Sql) => Promise<T>): Promise<T> {
  // postgres.js types a transaction as something else than a session, and its result as a list of queries.
  return await sql.begin(modes, (transaction) => body(transaction as unknown as Sql)) as T;
}

/** What `body` gives, in a transaction that is rolled back behind it. */
export async function withRollback<T>(sql: Sql, modes: string, body: (tx: Sql) => Promise<T>): Promise<T> {
  const given: T[] = [];
  const rollBack = new Error("rolled back");
  try {
    await withTransaction(sql, modes, async (tx) => {
      given.push(await body(tx));
      throw rollBack;
    });
  } catch (error) {
    if (error !== rollBack) throw error;
  }
  return given[0];
}

/** Sockets of the open sessions. */
const sockets = new WeakMap<Sql, SessionSocket>();

/** Gives the rows of COPYs to `take` in place of the session, until disposed. */
export function tapRows(sql: Sql, take: TakeRow): Disposable & Pick<SessionSocket, "destroy" | "pause"> {
  const { tap, destroy, pause } = sockets.get(sql)!;
  tap(take);
  return { destroy, pause, [Symbol.dispose]: () => tap(undefined) };
}

/** Ends a session; never waits longer than five seconds for it. */
export async function closeConnection(sql: Sql, timeoutS = 5): Promise<void> {
  await sql.end({ timeout: timeoutS }).catch(() => {});
  // A peer that does not answer would keep the process alive.
  sockets.get(sql)?.destroy();
}

function open(target: ServerTarget & SocketTarget, timeoutMs: number): Sql {
  const asText = { to: 25, serialize: String, parse: (text: string) => text };
  const socket = openSocketOnce(target, timeoutMs);
  const sql = postgres({
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    // The socket is encrypted before postgres.js sees it.
    ssl: false,
    max: 1,
    // A pooler in transaction mode keeps no prepared statement for us, and nothing here repeats one often enough to gain.
    prepare: false,
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: Math.ceil(timeoutMs / 1000),
    connection: { application_name: "heretix-data-lane" },
    // A Date would lose microseconds, and cannot hold infinity at all.
    types: { date: { ...asText, from: [1082, 1114, 1184] } },
    onnotice: ({ severity, message }) => void (severity === "WARNING" && listeners.get(sql)?.(message)),
    onclose: () => void sql.end({ timeout: 0 }),
    socket: socket.open,
  } as postgres.Options<Record<string, postgres.PostgresType>>) as unknown as Sql;
  sockets.set(sql, socket);
  return sql;
}

/** Rejects when the time is over. */
async function withDeadline<T>(work: PromiseLike<T>, ms: number, signal?: AbortSignal): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(codedError("CONNECT_TIMEOUT", "no answer")), ms);
  try {
    const timed = Promise.race([work, late]);
    return await (signal ? orAbort(timed, signal) : timed);
  } finally {
    clearTimeout(timer);
  }
}

function describeFinding(error: unknown): string {
  const { code, message } = serverErrorOf(error);
  return describeNetwork(code) ?? message;
}

/** Plain words for a network code; undefined for a SQLSTATE. */
function describeNetwork(code: string): string | undefined {
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name cannot be resolved";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return "there is no way to it";
  if (code === "CONNECT_TIMEOUT" || code === "ETIMEDOUT") return "it does not answer";
  if (/^CONNECTION_|^ECONNRESET$|^EPIPE$|^ERR_STREAM_/.test(code)) return "it closes the connection";
  return undefined;
}

function connectError(target: ServerTarget, error: unknown): TaskError {
  const { finding, remedy } = findInCertificate(error, target) ??
    { finding: describeFinding(error), remedy: remedyOf(target, serverErrorOf(error)) };
  const where = `Cannot connect to "${target.label}"`;
  return new TaskError(`${where}: ${finding}; ${remedy}`, EXIT.failed);
}

function remedyOf(target: ServerTarget, { code, message }: ServerError): string {
  if (code === "28000" && message.includes("pg_hba.conf")) {
    const admit = "let the server's pg_hba.conf admit this user from here";
    return target.tls ? admit : `add sslmode=require to the database URL, or ${admit}`;
  }
  if (code === "28P01" || code === "28000") return "check user and password in the database URL";
  if (code === "NO_TLS") {
    return target.local ? "remove sslmode from the database URL" : "turn TLS on at the server";
  }
  if (code === "3D000") return "create the database or correct its name in the database URL";
  if (code === "42501") return "grant connect on that database to the user of the database URL";
  if (target.local) return "start it with deno task db:up, or unset DATABASE_URL to use the embedded database";
  const direct = directHostOf(target.host);
  return direct
    ? `check that the server runs, or try its direct host ${direct}`
    : "check that the server runs and can be reached from here";
}
