import { createHash } from "node:crypto";
import { sha256 } from "../task/digest.ts";
import { messageOf, TaskError } from "../task/errors.ts";
import { removeFile, writeAll } from "../task/files.ts";
import { formatStoreUrl, type StoreTarget } from "../task/store_target.ts";
import { parsePage } from "./listing.ts";
import { putParts } from "./multipart.ts";
import { conditionHeaders, etagOf, fileChanged, outcomeOf } from "./outcome.ts";
import { isMissing, isPassing } from "./refusal.ts";
import {
  type Answer,
  bytesOf,
  type Deadline,
  piecesOf,
  refusalError,
  type RequestHeaders,
  type RequestLimits,
  type RequestOptions,
  sendRequest,
  type SentRequest,
  type StoreRequest,
} from "./request.ts";
import type {
  FetchedFile,
  FetchedObject,
  GetFileOptions,
  ListedObject,
  ObjectStore,
  PutFileOptions,
  PutOptions,
  PutOutcome,
  StoredObject,
} from "./store.ts";

/** How a store is asked. */
export interface StoreLimits extends RequestLimits {
  /** Files of this size and more are put in parts. */
  readonly multipartBytes: number;
  /** Size of a part, at least; large enough ones for the largest file. */
  readonly partBytes: number;
}

/** Fits stores of AWS, Cloudflare and others: parts of at least 5 MiB, at most 10,000 of them. */
const LIMITS: StoreLimits = {
  attempts: 6,
  backoffMs: 500,
  timeoutMs: 30_000,
  multipartBytes: 100_000_000,
  partBytes: 32 * 1024 * 1024,
};

/** What `openS3` needs beside the target. */
export interface OpenStoreOptions {
  /** Ends whatever is asked with its reason. */
  readonly signal: AbortSignal;
  /** Hears of attempts that failed and are followed by another. */
  readonly note?: (line: string) => void;
  /** What differs from the usual limits. */
  readonly limits?: Partial<StoreLimits>;
}

/** A store that speaks the protocol of S3. Nothing is asked yet, and nothing needs to be closed.
 *
 * Requests that meet a lost connection, an overloaded store (408, 429, 5xx) or a conflict with another request (409) are
 * tried again, six times in all.
 */
export function openS3(target: StoreTarget, { signal, note, limits }: OpenStoreOptions): ObjectStore {
  const store: OpenStore = { target, options: { signal, note, limits: { ...LIMITS, ...limits } } };
  return {
    label: target.label,
    url: formatStoreUrl(target),
    get: (key) => get(store, key),
    head: (key) => head(store, key),
    put: (key, bytes, options) => put(store, { key, bytes }, options),
    putFile: (key, path, options) => putFile(store, { key, path }, options),
    getFile: (key, path, options) => getFile(store, { key, path }, options),
    list: (prefix) => list(store, prefix),
    remove: (key) => remove(store, key),
  };
}

interface OpenStore {
  readonly target: StoreTarget;
  readonly options: RequestOptions & { readonly limits: StoreLimits };
}

const full = ({ target: { prefix } }: OpenStore, key: string) => prefix === "" ? key : `${prefix}/${key}`;

/** An answer, or undefined where the object is missing. */
async function ask<T>(store: OpenStore, request: StoreRequest<T>): Promise<Answer<T> | undefined> {
  const answer = await sendRequest(store.target, request, store.options);
  if (answer.kind === "answered") return answer;
  if (isMissing(answer)) return undefined;
  throw refusalError(store.target, request.purpose, answer);
}

async function get(store: OpenStore, key: string): Promise<FetchedObject | undefined> {
  const purpose = `get object "${key}" from`;
  const answer = await ask(store, { purpose, method: "GET", key: full(store, key), receive: bytesOf });
  return answer && { bytes: answer.received, etag: etagOf(answer, store.target, purpose) };
}

/** A refusal of HEAD has no body, and so no code: that of a GET tells a missing object from a missing bucket. */
async function head(store: OpenStore, key: string): Promise<StoredObject | undefined> {
  const purpose = `look at object "${key}" of`;
  const request = { purpose, key: full(store, key), receive: bytesOf };
  const told = await sendRequest(store.target, { ...request, method: "HEAD" }, store.options);
  if (told.kind === "refused" && isPassing(told)) throw refusalError(store.target, purpose, told);
  const answer = told.kind === "answered"
    ? told
    : await ask(store, { ...request, method: "GET", headers: { range: "bytes=0-0" } });
  if (answer === undefined) return undefined;
  const sha256 = answer.headers.get("x-amz-meta-sha256");
  const [, rangedBytes] = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
  return {
    sizeBytes: Number(rangedBytes ?? answer.headers.get("content-length")),
    etag: etagOf(answer, store.target, purpose),
    ...(sha256 ? { sha256 } : {}),
  };
}

interface ObjectBytes {
  readonly key: string;
  readonly bytes: Uint8Array;
}

async function put(
  store: OpenStore,
  { key, bytes }: ObjectBytes,
  { condition, contentType = "application/octet-stream" }: PutOptions = {},
): Promise<PutOutcome> {
  const headers = { ...conditionHeaders(condition), "content-type": contentType };
  return await putBytes(store, { key, body: bytes, headers }, condition);
}

type PutRequest = Pick<SentRequest, "body" | "headers" | "sha256"> & { readonly key: string };

async function putBytes(store: OpenStore, request: PutRequest, condition: PutOptions["condition"]) {
  const purpose = `put object "${request.key}" to`;
  const answer = await sendRequest(
    store.target,
    { ...request, key: full(store, request.key), purpose, method: "PUT", receive: bytesOf },
    store.options,
  );
  return outcomeOf(answer, { target: store.target, purpose, condition });
}

interface ObjectFile {
  readonly key: string;
  readonly path: string;
}

async function putFile(store: OpenStore, { key, path }: ObjectFile, options: PutFileOptions): Promise<PutOutcome> {
  const { sha256: expected, sizeBytes, condition, onBytes } = options;
  const headers = { "content-type": "application/octet-stream", "x-amz-meta-sha256": expected };
  if (sizeBytes >= store.options.limits.multipartBytes) {
    const purpose = `put object "${key}" to`;
    return await putParts({ ...store, key: full(store, key), purpose, path, headers }, options);
  }
  const body = await Deno.readFile(path);
  if (sha256(body) !== expected) throw fileChanged(path);
  const outcome = await putBytes(
    store,
    { key, body, sha256: expected, headers: { ...conditionHeaders(condition), ...headers } },
    condition,
  );
  if (outcome.kind === "stored") onBytes?.(sizeBytes);
  return outcome;
}

/** A lost connection goes on where it was; the ETag makes sure that it is the same object. */
async function getFile(
  store: OpenStore,
  { key, path }: ObjectFile,
  { onBytes }: GetFileOptions = {},
): Promise<FetchedFile | undefined> {
  const purpose = `get object "${key}" from`;
  const download = await openDownload(path, onBytes);
  let isWhole = false;
  try {
    const answer = await ask(store, {
      purpose,
      method: "GET",
      key: full(store, key),
      headers: download.headers,
      receive: download.receive,
    });
    if (answer === undefined) return undefined;
    isWhole = true;
    return { ...await download.end(), etag: etagOf(answer, store.target, purpose) };
  } finally {
    download[Symbol.dispose]();
    if (!isWhole) await removeFile(path);
  }
}

interface Download extends Disposable {
  headers(): RequestHeaders;
  receive(response: Response, deadline: Deadline): Promise<void>;
  end(): Promise<{ sizeBytes: number; sha256: string }>;
}

async function openDownload(path: string, onBytes?: (bytes: number) => void): Promise<Download> {
  const file = await writing(path, Deno.open(path, { write: true, createNew: true }));
  const hash = createHash("sha256");
  let [sizeBytes, etag] = [0, ""];
  return {
    headers: (): RequestHeaders => sizeBytes === 0 ? {} : { range: `bytes=${sizeBytes}-`, "if-match": etag },
    async receive(response, deadline) {
      const range = response.headers.get("content-range") ?? "bytes 0-";
      if (!range.startsWith(`bytes ${sizeBytes}-`)) {
        await response.body?.cancel();
        throw new Error("it does not go on where it was");
      }
      etag = response.headers.get("etag") ?? "";
      for await (const piece of piecesOf(response, deadline)) {
        await writing(path, writeAll(file, piece));
        hash.update(piece);
        sizeBytes += piece.length;
        onBytes?.(piece.length);
      }
    },
    async end() {
      await writing(path, file.sync());
      return { sizeBytes, sha256: hash.digest("hex") };
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** Names the file where the disk is what fails, so that nobody looks for it in the network. */
async function writing<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new TaskError(`Cannot write "${path}": ${messageOf(error)}; correct that and run it again`);
  }
}

async function* list(store: OpenStore, prefix: string): AsyncGenerator<ListedObject> {
  const { target } = store;
  const purpose = `list objects "${prefix}" of`;
  const start = full(store, "");
  let token: string | undefined;
  do {
    const query = {
      "list-type": "2",
      prefix: start + prefix,
      ...(token === undefined ? {} : { "continuation-token": token }),
    };
    const answer = await sendRequest(target, { purpose, method: "GET", query, receive: bytesOf }, store.options);
    if (answer.kind === "refused") throw refusalError(target, purpose, answer);
    const page = readPage(answer.received, { start, token }, `Cannot ${purpose} ${target.label}`);
    yield* page.objects;
    token = page.nextToken;
  } while (token !== undefined);
}

function readPage(bytes: Uint8Array, expected: Parameters<typeof parsePage>[1], failure: string) {
  try {
    return parsePage(new TextDecoder().decode(bytes), expected);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TaskError(`${failure}: ${error.message}; look whether S3_ENDPOINT is that of an S3 store`);
  }
}

async function remove(store: OpenStore, key: string): Promise<void> {
  await ask(store, {
    purpose: `remove object "${key}" from`,
    method: "DELETE",
    key: full(store, key),
    receive: bytesOf,
  });
}
