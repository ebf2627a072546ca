import { AwsV4Signer } from "aws4fetch";
import { sha256 } from "../task/digest.ts";
import { TaskError } from "../task/errors.ts";
import { sleep } from "../task/sleep.ts";
import type { StoreTarget } from "../task/store_target.ts";
import { bucketUrl, encodeKey, encodeQuery } from "./address.ts";
import {
  errorIn,
  type Failure,
  formatRefusal,
  isPassing,
  parseRetryAfter,
  type Refusal,
  remedyOf,
  toFailure,
} from "./refusal.ts";

/** Headers by name. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** What is sent to a store. */
export interface SentRequest {
  /** Method of HTTP. */
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Key of the object, from the bucket's start; left out for the bucket itself. */
  readonly key?: string;
  /** Its parameters. */
  readonly query?: Readonly<Record<string, string>>;
  /** Headers beside those of the signature; a function is asked before every attempt. */
  readonly headers?: RequestHeaders | (() => RequestHeaders);
  /** What is sent. */
  readonly body?: Uint8Array;
  /** SHA-256 of that in hexadecimal, where it is known. */
  readonly sha256?: string;
}

/** One request to a store, and what is made of its answer. */
export interface StoreRequest<T> extends SentRequest {
  /** In words, as in `Cannot <purpose> <label>`. */
  readonly purpose: string;
  /** Takes the answer's body; what it throws is taken for a lost connection, unless it is a TaskError. */
  readonly receive: (response: Response, deadline: Deadline) => Promise<T>;
  /** Code of an error that is in the body of a success. */
  readonly codeIn?: (received: T) => string | undefined;
  /** Code of a refusal that is told at once, though it may pass. */
  readonly tells?: string;
}

/** An answer that was taken to its end. */
export interface Answer<T> {
  /** Tells it from a refusal. */
  readonly kind: "answered";
  /** Its headers. */
  readonly headers: Headers;
  /** What was made of its body. */
  readonly received: T;
}

/** How requests are tried again, and how long they may take. */
export interface RequestLimits {
  /** How often a request is tried. */
  readonly attempts: number;
  /** What is waited before the second attempt, at most; each further wait is twice as long. */
  readonly backoffMs: number;
  /** How long an answer may take, and every further piece of it; a sent body adds to it by its size. */
  readonly timeoutMs: number;
}

/** What requests need to know. */
export interface RequestOptions {
  /** Ends everything with its reason. */
  readonly signal: AbortSignal;
  /** Hears of attempts that failed and are followed by another. */
  readonly note?: (line: string) => void;
  /** How often and how long. */
  readonly limits: RequestLimits;
}

/** The longest wait that a store can ask for. */
const MAX_WAIT_MS = 60_000;

/** The slowest connection that a body is sent by. */
const MIN_BYTES_PER_MS = 128;

/** Sends a request, signed, until it is answered, refused for good, or attempts run out.
 *
 * Errors: TaskError where the store cannot be reached; the signal's reason as soon as it is aborted.
 */
export async function sendRequest<T>(
  target: StoreTarget,
  request: StoreRequest<T>,
  { signal, note, limits }: RequestOptions,
): Promise<Answer<T> | Refusal> {
  const hashed = { ...request, sha256: request.sha256 ?? sha256(request.body ?? "") };
  for (let attempt = 1;; attempt++) {
    signal.throwIfAborted();
    const outcome = await attemptOnce(target, hashed, { signal, limits });
    signal.throwIfAborted();
    if (outcome.kind === "answered") return outcome;
    const isLast = attempt >= limits.attempts;
    if (outcome.kind === "refused" && (isLast || !isPassing(outcome) || outcome.code === request.tells)) return outcome;
    if (outcome.kind === "failed" && (isLast || !outcome.passing)) throw failureError(target, request.purpose, outcome);
    const waitMs = waitBefore(attempt, outcome, limits);
    const finding = outcome.kind === "failed" ? outcome.finding : formatRefusal(outcome);
    note?.(
      `Could not ${request.purpose} ${target.label}: ${finding}; attempt ${attempt + 1} of ${limits.attempts} in ` +
        `${(waitMs / 1000).toFixed(1)} s`,
    );
    await sleep(waitMs, signal);
  }
}

/** The error of a request that was refused for good. */
export function refusalError(target: StoreTarget, purpose: string, refusal: Refusal): TaskError {
  return new TaskError(`Cannot ${purpose} ${target.label}: ${formatRefusal(refusal)}; ${remedyOf(refusal)}`);
}

function failureError(target: StoreTarget, purpose: string, { finding, remedy, cause }: Failure): TaskError {
  return new TaskError(`Cannot ${purpose} ${target.label}: ${finding}; ${remedy}`, undefined, { cause });
}

/** Twice as long each time, between half of it and all of it, so that those who failed together do not come together. */
function waitBefore(attempt: number, outcome: Refusal | Failure, { backoffMs }: RequestLimits): number {
  const ownMs = backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  const askedMs = outcome.kind === "refused" ? outcome.waitMs ?? 0 : 0;
  return Math.max(ownMs, Math.min(askedMs, MAX_WAIT_MS));
}

async function attemptOnce<T>(
  target: StoreTarget,
  request: StoreRequest<T>,
  { signal, limits }: RequestOptions,
): Promise<Answer<T> | Refusal | Failure> {
  const { body, receive, codeIn } = request;
  using deadline = openDeadline(signal, limits.timeoutMs + (body?.length ?? 0) / MIN_BYTES_PER_MS, limits.timeoutMs);
  try {
    const { url, ...signed } = await sign(target, request);
    // A redirect would be followed with a signature for another host.
    const response = await fetch(url, { ...signed, redirect: "manual", signal: deadline.signal });
    deadline.extend();
    if (!response.ok) return await toRefusal(response);
    const received = await receive(response, deadline);
    const code = codeIn?.(received);
    if (code !== undefined) return { kind: "refused", status: response.status, code };
    return { kind: "answered", headers: response.headers, received };
  } catch (error) {
    if (error instanceof TaskError) throw error;
    return toFailure(error);
  }
}

/** The signature covers the body, whose length is known: a store refuses a stream without one. */
async function sign({ credentials, region, ...target }: StoreTarget, request: SentRequest) {
  const { method, key = "", query = {}, headers, body, sha256 = "" } = request;
  const search = encodeQuery(query);
  const url = `${bucketUrl({ ...target, region })}/${encodeKey(key)}${search && "?"}${search}`;
  const { headers: signed } = await new AwsV4Signer({
    ...credentials,
    region,
    service: "s3",
    method,
    url,
    headers: { ...(typeof headers === "function" ? headers() : headers), "x-amz-content-sha256": sha256 },
  }).sign();
  // An answer that was packed on its way has another ETag. Stores of Google change this header, so it is not signed.
  signed.set("accept-encoding", "identity");
  return { url, method, headers: signed, body: body as Uint8Array<ArrayBuffer> | undefined };
}

async function toRefusal(response: Response): Promise<Refusal> {
  const { code, region = response.headers.get("x-amz-bucket-region") } = errorIn(await response.text());
  const waitMs = parseRetryAfter(response.headers.get("retry-after"), Date.now());
  return {
    kind: "refused",
    status: response.status,
    code,
    ...(region ? { region } : {}),
    ...(waitMs === undefined ? {} : { waitMs }),
  };
}

/** When an attempt is given up. */
export interface Deadline extends Disposable {
  /** Aborted then, and with the signal of the store. */
  readonly signal: AbortSignal;
  /** Begins the time anew: something has arrived. */
  extend(): void;
}

function openDeadline(signal: AbortSignal, firstMs: number, furtherMs: number): Deadline {
  const controller = new AbortController();
  const start = (ms: number) => {
    const finding = `nothing has come within ${Math.round(ms / 100) / 10} s`;
    return setTimeout(() => controller.abort(new DOMException(finding, "TimeoutError")), ms);
  };
  let timer = start(firstMs);
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    extend() {
      clearTimeout(timer);
      timer = start(furtherMs);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}

/** The pieces of an answer's body, each of which extends the deadline. */
export async function* piecesOf({ body }: Response, deadline: Deadline): AsyncGenerator<Uint8Array> {
  for await (const piece of body ?? []) {
    deadline.extend();
    yield piece;
  }
}

/** All of an answer's body. */
export async function bytesOf(response: Response, deadline: Deadline): Promise<Uint8Array<ArrayBuffer>> {
  const pieces = await Array.fromAsync(piecesOf(response, deadline));
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}
