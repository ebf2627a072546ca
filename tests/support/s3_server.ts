import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { checkSignature, digest, pairsOf, refuse, type RequestTarget } from "./s3_signature.ts";
import { sleep } from "../../tasks/lib/task/sleep.ts";
import type { StoreCredentials, StoreTarget } from "../../tasks/lib/task/store_target.ts";

/** What a fault does to a request.
 *
 * An answer: is given in place of what was asked for, which is not done. "cut": the connection ends before anything is
 * done. "store-then-cut": it is done, and the connection ends without an answer. "cut-body": the connection ends in the
 * middle of the answer's body. "ignore-conditions": If-Match and If-None-Match count for nothing. A delay: the request is
 * carried out after it.
 */
export type Fault = S3Answer | "cut" | "store-then-cut" | "cut-body" | "ignore-conditions" | {
  readonly delayMs: number;
};

/** A request, as the server's hook and log have it. */
export interface S3Request {
  /** Method of HTTP. */
  readonly method: string;
  /** Name of the bucket. */
  readonly bucket: string;
  /** Decoded; empty for the bucket itself. */
  readonly key: string;
  /** Its parameters. */
  readonly query: Readonly<Record<string, string>>;
  /** By lower case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its body. */
  readonly body: Uint8Array;
}

/** An answer. */
export interface S3Answer {
  /** Status of HTTP. */
  readonly status: number;
  /** By lower case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Left out: empty. */
  readonly body?: string | Uint8Array;
}

/** Options of `startS3`. */
export interface S3ServerOptions {
  /** Who may ask; left out: a key of the tests' own. */
  readonly credentials?: StoreCredentials;
  /** The one bucket that is there ("lake"). */
  readonly bucket?: string;
  /** The region that requests must be signed for ("auto"). */
  readonly region?: string;
  /** Left out: a free port. */
  readonly port?: number;
  /** How many keys a page of a listing has at most (1000). */
  readonly pageKeys?: number;
  /** The least size of a part that is not the last one (5 MiB). */
  readonly minPartBytes?: number;
  /** How much the server's clock is ahead. */
  readonly clockAheadMs?: number;
  /** Asked for every request with a right signature. */
  readonly fault?: (request: S3Request) => Fault | undefined;
}

/** An object in the server's memory. */
export interface S3Object {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** With quotes. */
  readonly etag: string;
  /** Content type, checksum and x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it was put. */
  readonly modified: Date;
}

/** A running server. */
export interface S3Server extends AsyncDisposable {
  /** Its URL, where the bucket is in the path. */
  readonly endpoint: string;
  /** Where it listens, on loopback alone. */
  readonly port: number;
  /** By key; a test may change what is in it. */
  readonly objects: Map<string, S3Object>;
  /** Uploads in parts that are neither joined nor aborted, by id. */
  readonly uploads: ReadonlyMap<string, Upload>;
  /** What was asked, in the order of arrival, refused requests included. */
  readonly log: S3Request[];
  /** Below a prefix of the server's bucket. */
  target(prefix?: string): StoreTarget;
}

/** An upload in parts. */
export interface Upload {
  /** Where it goes. */
  readonly key: string;
  /** Of the object to be. */
  readonly headers: Readonly<Record<string, string>>;
  /** By number. */
  readonly parts: Map<number, S3Object>;
}

/** The names under which the server is asked with the bucket in the host's name: `<bucket>.s3.localhost`. */
export const VIRTUAL_HOST = "s3.localhost";

/** Credentials of the tests' own. */
export const TEST_CREDENTIALS: StoreCredentials = {
  accessKeyId: "TESTKEY",
  secretAccessKey: "test/secret+key",
  sessionToken: "test-session-token==",
};

interface State {
  readonly options:
    & Required<Pick<S3ServerOptions, "bucket" | "region" | "pageKeys" | "minPartBytes" | "credentials">>
    & S3ServerOptions;
  readonly objects: Map<string, S3Object>;
  readonly uploads: Map<string, Upload>;
  readonly log: S3Request[];
}

/** An S3 store in memory: signatures of version 4, checksums, conditions, listings, uploads in parts.
 *
 * Between the look at a condition and the change of an object nothing else happens.
 */
export async function startS3(options: S3ServerOptions = {}): Promise<S3Server> {
  const state: State = {
    options: {
      bucket: "lake",
      region: "auto",
      pageKeys: 1000,
      minPartBytes: 5 * 1024 * 1024,
      credentials: TEST_CREDENTIALS,
      ...options,
    },
    objects: new Map(),
    uploads: new Map(),
    log: [],
  };
  const closing = new AbortController();
  const server = createServer((incoming, outgoing) => {
    serve(state, incoming, outgoing, closing.signal).catch(() => outgoing.socket?.destroy());
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const { bucket, region, credentials } = state.options;
  return {
    endpoint,
    port,
    objects: state.objects,
    uploads: state.uploads,
    log: state.log,
    target: (prefix = "") => ({
      bucket,
      prefix,
      endpoint,
      region,
      credentials,
      label: `s3://${bucket}${prefix && "/"}${prefix} at 127.0.0.1:${port}`,
    }),
    async [Symbol.asyncDispose]() {
      closing.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(state: State, incoming: IncomingMessage, outgoing: ServerResponse, closing: AbortSignal) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const [path, search = ""] = incoming.url!.split("?");
  const request = toRequest(state, incoming, { path, search, body: Buffer.concat(chunks) });
  state.log.push(request);
  const refused = checkSignature(request, { path, search }, state.options);
  const fault = refused ? undefined : state.options.fault?.(request);
  if (typeof fault === "object" && "delayMs" in fault) await sleep(fault.delayMs, closing);
  if (fault === "cut") return void outgoing.socket!.destroy();
  const given = typeof fault === "object" && "status" in fault ? fault : undefined;
  const answer = refused ?? given ?? carryOut(state, request, fault === "ignore-conditions");
  if (fault === "store-then-cut") return void outgoing.socket!.destroy();
  const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body ?? new Uint8Array();
  outgoing.writeHead(answer.status, { "content-length": `${body.length}`, ...answer.headers });
  if (fault === "cut-body") {
    return void outgoing.write(body.subarray(0, body.length / 2), () => outgoing.socket!.destroy());
  }
  outgoing.end(request.method === "HEAD" ? undefined : body);
}

function toRequest(
  { options }: State,
  { method, headers }: IncomingMessage,
  { path, search, body }: RequestTarget & Pick<S3Request, "body">,
): S3Request {
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  const inHost = host.endsWith(`.${VIRTUAL_HOST}`) ? host.slice(0, -VIRTUAL_HOST.length - 1) : undefined;
  const segments = path.slice(1).split("/");
  const bucket = inHost ?? segments.shift() ?? options.bucket;
  return {
    method: method!,
    bucket,
    key: decodeURIComponent(segments.join("/")),
    query: Object.fromEntries(pairsOf(search)),
    headers: headers as Record<string, string>,
    body,
  };
}

/** Does what is asked, without a pause in which another request could come between. */
function carryOut(state: State, request: S3Request, ignoresConditions: boolean): S3Answer {
  const { method, key, query } = request;
  if (request.bucket !== state.options.bucket) return refuse(404, "NoSuchBucket");
  if (key === "") return onBucket(state, request);
  const unmet = () => ignoresConditions ? undefined : findUnmet(request, state.objects.get(key));
  switch (method) {
    case "PUT":
      return "uploadId" in query ? putPart(state, request) : unmet() ?? putObject(state, request);
    case "POST":
      if ("uploads" in query) return createUpload(state, request);
      return "uploadId" in query ? joinUpload(state, request, unmet) : refuse(405, "MethodNotAllowed");
    case "DELETE":
      return "uploadId" in query
        ? abortUpload(state, request)
        : (state.objects.has(key) && unmet()) || remove(state, key);
    case "GET":
    case "HEAD":
      return read(request, state.objects.get(key));
    default:
      return refuse(405, "MethodNotAllowed");
  }
}

function findUnmet({ headers }: S3Request, object: S3Object | undefined): S3Answer | undefined {
  const match = headers["if-match"];
  if (match !== undefined && object === undefined) return refuse(404, "NoSuchKey");
  if (match !== undefined && match !== "*" && match !== object?.etag) return refuse(412, "PreconditionFailed");
  const none = headers["if-none-match"];
  if (none !== undefined && none !== "*") return refuse(501, "NotImplemented");
  if (none !== undefined && object !== undefined) return refuse(412, "PreconditionFailed");
}

function toObject({ headers, body }: Pick<S3Request, "headers" | "body">): S3Object {
  const kept = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-") || name === "content-type");
  const checksum = { "x-amz-checksum-sha256": digest(body).toString("base64") };
  const etag = `"${digest(body, "md5").toString("hex")}"`;
  return { bytes: body, etag, headers: { ...Object.fromEntries(kept), ...checksum }, modified: new Date() };
}

function putObject({ objects }: State, request: S3Request): S3Answer {
  const object = toObject(request);
  objects.set(request.key, object);
  const sum = request.headers["x-amz-checksum-sha256"];
  return { status: 200, headers: { etag: object.etag, ...(sum ? { "x-amz-checksum-sha256": sum } : {}) } };
}

function remove({ objects }: State, key: string): S3Answer {
  objects.delete(key);
  return { status: 204 };
}

function read({ method, headers }: S3Request, object: S3Object | undefined): S3Answer {
  if (object === undefined) return method === "HEAD" ? { status: 404 } : refuse(404, "NoSuchKey");
  const { "x-amz-checksum-sha256": checksum, ...kept } = object.headers;
  const told = {
    ...kept,
    ...(headers["x-amz-checksum-mode"] === "ENABLED" && checksum ? { "x-amz-checksum-sha256": checksum } : {}),
    etag: object.etag,
    "last-modified": object.modified.toUTCString(),
    "accept-ranges": "bytes",
  };
  const match = headers["if-match"];
  if (match !== undefined && match !== object.etag) {
    return method === "HEAD" ? { status: 412 } : refuse(412, "PreconditionFailed");
  }
  if (headers["if-none-match"] === object.etag) return { status: 304, headers: { etag: object.etag } };
  const size = object.bytes.length;
  if (method === "HEAD") return { status: 200, headers: { ...told, "content-length": `${size}` } };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  if (first === undefined) return { status: 200, headers: told, body: object.bytes };
  if (Number(first) >= size) return refuse(416, "InvalidRange");
  const end = Math.min(last === "" ? size : Number(last) + 1, size);
  const range = { "content-range": `bytes ${first}-${end - 1}/${size}` };
  return { status: 206, headers: { ...told, ...range }, body: object.bytes.subarray(Number(first), end) };
}

const xml = (body: string): S3Answer => ({
  status: 200,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
});

const escapeXml = (text: string) =>
  // deno-lint-ignore no-control-regex
  text.replace(/[&<>"'\x00-\x1f]/g, (character) => `&#x${character.charCodeAt(0).toString(16)};`);

function createUpload({ uploads }: State, { bucket, key, headers }: S3Request): S3Answer {
  const id = crypto.randomUUID();
  uploads.set(id, { key, headers: toObject({ headers, body: new Uint8Array() }).headers, parts: new Map() });
  return xml(
    `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${
      escapeXml(key)
    }</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
  );
}

function findUpload({ uploads }: State, { key, query }: S3Request): Upload | undefined {
  const upload = uploads.get(query.uploadId);
  return upload?.key === key ? upload : undefined;
}

function putPart(state: State, request: S3Request): S3Answer {
  const upload = findUpload(state, request);
  if (upload === undefined) return refuse(404, "NoSuchUpload");
  const number = Number(request.query.partNumber);
  if (!Number.isInteger(number) || number < 1 || number > 10_000) return refuse(400, "InvalidArgument");
  const part = toObject(request);
  upload.parts.set(number, part);
  return { status: 200, headers: { etag: part.etag } };
}

/** The parts that a request names; a refusal where they are not those that are there. */
function namedParts({ options }: State, { parts }: Upload, body: Uint8Array): S3Object[] | S3Answer {
  const named = new TextDecoder().decode(body).split("<Part>").slice(1).map((text) => ({
    number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(text)?.[1]),
    etag: /<ETag>([^<]*)<\/ETag>/.exec(text)?.[1].replace(/&quot;|&#34;|"/g, ""),
  }));
  if (named.length === 0) return refuse(400, "MalformedXML");
  if (named.some(({ number }, at) => at > 0 && number <= named[at - 1].number)) return refuse(400, "InvalidPartOrder");
  const found = named.map(({ number }) => parts.get(number));
  if (found.some((part, at) => part?.etag !== `"${named[at].etag}"`)) return refuse(400, "InvalidPart");
  const isSmall = (found as S3Object[]).slice(0, -1).some(({ bytes }) => bytes.length < options.minPartBytes);
  return isSmall ? refuse(400, "EntityTooSmall") : found as S3Object[];
}

function joinUpload(state: State, request: S3Request, unmet: () => S3Answer | undefined): S3Answer {
  const upload = findUpload(state, request);
  if (upload === undefined) return refuse(404, "NoSuchUpload");
  const parts = namedParts(state, upload, request.body);
  if (!Array.isArray(parts)) return parts;
  const refused = unmet();
  if (refused) return refused;
  const hashes = parts.map(({ etag }) => Buffer.from(etag.slice(1, -1), "hex"));
  const etag = `"${digest(Buffer.concat(hashes), "md5").toString("hex")}-${parts.length}"`;
  const { "x-amz-checksum-sha256": _, ...headers } = upload.headers;
  const bytes = Buffer.concat(parts.map(({ bytes }) => bytes));
  state.objects.set(request.key, { bytes, etag, headers, modified: new Date() });
  state.uploads.delete(request.query.uploadId);
  return xml(`<CompleteMultipartUploadResult><ETag>${escapeXml(etag)}</ETag></CompleteMultipartUploadResult>`);
}

function abortUpload(state: State, request: S3Request): S3Answer {
  if (findUpload(state, request) === undefined) return refuse(404, "NoSuchUpload");
  state.uploads.delete(request.query.uploadId);
  return { status: 204 };
}

function onBucket(state: State, request: S3Request): S3Answer {
  const { method, query } = request;
  if (method === "PUT") return refuse(409, "BucketAlreadyOwnedByYou");
  if (method === "HEAD") return { status: 200 };
  if (method === "POST" && "delete" in query) return removeNamed(state, request);
  if (method === "GET" && "uploads" in query) return listUploads(state);
  if (method === "GET" && query["list-type"] === "2") return listObjects(state, query);
  return refuse(501, "NotImplemented");
}

function removeNamed({ objects }: State, { headers, body }: S3Request): S3Answer {
  if (!headers["content-md5"] && !headers["x-amz-checksum-sha256"]) return refuse(400, "InvalidRequest");
  const keys = [...new TextDecoder().decode(body).matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
  for (const key of keys) objects.delete(key.replaceAll("&amp;", "&"));
  return xml(`<DeleteResult>${keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join("")}</DeleteResult>`);
}

function listUploads({ uploads }: State): S3Answer {
  const entries = [...uploads].map(([id, { key }]) =>
    `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></Upload>`
  );
  return xml(`<ListMultipartUploadsResult>${entries.join("")}</ListMultipartUploadsResult>`);
}

/** In the order of the keys' UTF-8, which is not that of their UTF-16. */
function listObjects({ objects, options }: State, query: Readonly<Record<string, string>>): S3Answer {
  const { prefix = "", "continuation-token": token } = query;
  const after = Buffer.from(token ?? "", "base64url");
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix))
    .map((key) => Buffer.from(key)).sort(Buffer.compare)
    .filter((key) => token === undefined || Buffer.compare(key, after) > 0);
  const page = keys.slice(0, Math.min(Number(query["max-keys"] ?? 1000), options.pageKeys));
  const isCut = page.length < keys.length;
  const next = isCut ? `<NextContinuationToken>${page.at(-1)!.toString("base64url")}</NextContinuationToken>` : "";
  const entries = page.map((key) => {
    const { bytes, etag, modified } = objects.get(key.toString())!;
    return `<Contents><Key>${escapeXml(key.toString())}</Key><LastModified>${modified.toISOString()}</LastModified>` +
      `<ETag>${escapeXml(etag)}</ETag><Size>${bytes.length}</Size></Contents>`;
  });
  return xml(
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Prefix>${escapeXml(prefix)}</Prefix>` +
      `<KeyCount>${page.length}</KeyCount><IsTruncated>${isCut}</IsTruncated>${next}${
        entries.join("")
      }</ListBucketResult>`,
  );
}

/** Shares of requests that meet a fault. */
export interface FaultRates {
  /** Answered 503 SlowDown. */
  readonly busy?: number;
  /** Cut before anything is done. */
  readonly cut?: number;
  /** Done, and cut without an answer. */
  readonly lost?: number;
}

/** Faults by chance. */
export function faultsByChance({ busy = 0, cut = 0, lost = 0 }: FaultRates): () => Fault | undefined {
  return () => {
    const chance = Math.random();
    if (chance < busy) return refuse(503, "SlowDown");
    if (chance < busy + cut) return "cut";
    return chance < busy + cut + lost ? "store-then-cut" : undefined;
  };
}

/** A server in a process of its own, which ends when its standard input does. */
export interface S3Process extends AsyncDisposable {
  /** As `S3Server.target`. */
  target(prefix?: string): StoreTarget;
}

/** Starts a server in a process of its own, so that it outlives those who ask it. */
export async function spawnS3(rates: FaultRates = {}): Promise<S3Process> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--config", "tests/deno.json", "tests/support/s3_server.ts", JSON.stringify(rates)],
    cwd: new URL("../../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await lines.read();
  const { target } = JSON.parse(value!) as { target: StoreTarget };
  return {
    target: (prefix = "") => ({ ...target, prefix, label: target.label.replace(" ", `${prefix && "/"}${prefix} `) }),
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await lines.cancel();
      await child.status;
    },
  };
}

if (import.meta.main) {
  const server = await startS3({ fault: faultsByChance(JSON.parse(Deno.args[0] ?? "{}")) });
  console.log(JSON.stringify({ target: server.target() }));
  for await (const _ of Deno.stdin.readable);
  await server[Symbol.asyncDispose]();
}
