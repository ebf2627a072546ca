import { createHash } from "node:crypto";
import { TaskError } from "../task/errors.ts";
import type { StoreTarget } from "../task/store_target.ts";
import { conditionHeaders, etagOf, fileChanged, isUnmet } from "./outcome.ts";
import { errorIn, type Refusal } from "./refusal.ts";
import {
  bytesOf,
  refusalError,
  type RequestLimits,
  type RequestOptions,
  sendRequest,
  type SentRequest,
} from "./request.ts";
import type { PutFileOptions, PutOutcome } from "./store.ts";
import { escapeXml, parseXml, textOf } from "./xml.ts";

/** A file that is put in parts. */
export interface PartedFile {
  /** Where it goes. */
  readonly target: StoreTarget;
  /** How the store is asked. */
  readonly options: RequestOptions & { readonly limits: RequestLimits & { readonly partBytes: number } };
  /** Its key, from the bucket's start. */
  readonly key: string;
  /** In words. */
  readonly purpose: string;
  /** The file. */
  readonly path: string;
  /** What the object keeps. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How often a file is sent again because others put the same object meanwhile. */
const MAX_CONFLICTS = 3;

/** How long the removal of what was sent in vain may take. */
const ABORT_MS = 3000;

/** Puts a file in parts, one in memory at a time; the condition counts when they are joined.
 *
 * What is left of an upload that fails, is unmet or interrupted is removed, so far as the store can be asked for it.
 */
export async function putParts(file: PartedFile, options: PutFileOptions): Promise<PutOutcome> {
  for (let conflicts = 0;; conflicts++) {
    const uploadId = await createUpload(file);
    let isDone = false;
    try {
      const etags = await sendParts(file, uploadId, conflicts === 0 ? options : { ...options, onBytes: undefined });
      const outcome = await joinParts(file, { uploadId, etags }, options);
      isDone = outcome.kind === "stored";
      if (outcome.kind !== "refused") return outcome;
      if (outcome.status !== 409 || conflicts === MAX_CONFLICTS) {
        throw refusalError(file.target, file.purpose, outcome);
      }
    } finally {
      if (!isDone) await abortUpload(file, uploadId);
    }
  }
}

const toRequest = ({ key, purpose }: PartedFile, part: SentRequest) => ({ key, purpose, ...part, receive: bytesOf });

async function createUpload(file: PartedFile): Promise<string> {
  const request = toRequest(file, { method: "POST", query: { uploads: "" }, headers: file.headers });
  const answer = await sendRequest(file.target, { ...request, codeIn }, file.options);
  if (answer.kind === "refused") throw refusalError(file.target, file.purpose, answer);
  return readAnswer(file, answer.received, "UploadId");
}

/** A store has 10,000 parts for an object, of one size but for the last. */
const MAX_PARTS = 10_000;

/** The size of all parts but the last, for a file of this size. */
export function partBytesOf(sizeBytes: number, leastBytes: number): number {
  return Math.max(leastBytes, Math.ceil(sizeBytes / MAX_PARTS));
}

/** The parts' ETags, in their order. */
async function sendParts(
  file: PartedFile,
  uploadId: string,
  { sha256, sizeBytes, onBytes }: PutFileOptions,
): Promise<string[]> {
  const partBytes = partBytesOf(sizeBytes, file.options.limits.partBytes);
  const whole = createHash("sha256");
  const etags: string[] = [];
  using source = await Deno.open(file.path);
  for (let at = 0; at < sizeBytes; at += partBytes) {
    const body = await readPart(source, Math.min(partBytes, sizeBytes - at));
    if (body === undefined) throw fileChanged(file.path);
    whole.update(body);
    const query = { partNumber: `${etags.length + 1}`, uploadId };
    const answer = await sendRequest(file.target, toRequest(file, { method: "PUT", query, body }), file.options);
    if (answer.kind === "refused") throw refusalError(file.target, file.purpose, answer);
    etags.push(etagOf(answer, file.target, file.purpose));
    onBytes?.(body.length);
  }
  if (whole.digest("hex") !== sha256) throw fileChanged(file.path);
  return etags;
}

/** The next bytes of a file; undefined where it has fewer. */
async function readPart(source: Deno.FsFile, sizeBytes: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes;) {
    const count = await source.read(bytes.subarray(at));
    if (count === null) return undefined;
    at += count;
  }
  return bytes;
}

interface SentParts {
  readonly uploadId: string;
  readonly etags: readonly string[];
}

async function joinParts(
  file: PartedFile,
  { uploadId, etags }: SentParts,
  { condition, sha256, sizeBytes }: PutFileOptions,
): Promise<PutOutcome | Refusal> {
  const parts = etags.map((etag, at) =>
    `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`
  );
  const body = new TextEncoder().encode(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      parts.join("")
    }</CompleteMultipartUpload>`,
  );
  const headers = conditionHeaders(condition);
  const request = toRequest(file, { method: "POST", query: { uploadId }, headers, body });
  // The parts of an upload in conflict are void: all of it is sent again, not this request.
  const answer = await sendRequest(
    file.target,
    { ...request, codeIn, tells: "ConditionalRequestConflict" },
    file.options,
  );
  if (answer.kind === "answered") return { kind: "stored", etag: quoted(readAnswer(file, answer.received, "ETag")) };
  if (isUnmet(answer, condition)) return { kind: "unmet" };
  return answer.code === "NoSuchUpload" ? await joinedBefore(file, answer, { condition, sha256, sizeBytes }) : answer;
}

/** An upload that is unknown was joined by an attempt whose answer was lost, where its object is there. */
async function joinedBefore(
  file: PartedFile,
  refusal: Refusal,
  { condition, sha256, sizeBytes }: PutFileOptions,
): Promise<PutOutcome | Refusal> {
  const answer = await sendRequest(file.target, toRequest(file, { method: "HEAD" }), file.options);
  if (answer.kind === "refused") return refusal;
  if (condition !== undefined) return { kind: "unmet" };
  const isSame = answer.headers.get("x-amz-meta-sha256") === sha256 &&
    Number(answer.headers.get("content-length")) === sizeBytes;
  return isSame ? { kind: "stored", etag: etagOf(answer, file.target, file.purpose) } : refusal;
}

/** What fails here must not hide why; a lifecycle rule of the bucket removes what stays. */
async function abortUpload(file: PartedFile, uploadId: string): Promise<void> {
  const { note, limits } = file.options;
  const signal = AbortSignal.timeout(ABORT_MS);
  const request = toRequest(file, { method: "DELETE", query: { uploadId } });
  try {
    await sendRequest(file.target, request, { signal, limits: { ...limits, timeoutMs: ABORT_MS } });
  } catch {
    note?.(`Could not remove the parts of an upload that failed from ${file.target.label}`);
  }
}

/** A store may begin a success before it knows that there is none. */
function codeIn(received: Uint8Array): string | undefined {
  return errorIn(new TextDecoder().decode(received)).code || undefined;
}

function readAnswer({ target, purpose }: PartedFile, bytes: Uint8Array, name: string): string {
  try {
    const text = textOf(parseXml(new TextDecoder().decode(bytes)), name);
    if (text) return text;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new TaskError(
    `Cannot ${purpose} ${target.label}: its answer has no ${name}; look whether S3_ENDPOINT is that of an S3 store`,
  );
}

/** Some stores leave the quotes out where an ETag stands in a document. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
