import type { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import type { StoreCredentials } from "../../tasks/lib/task/store_target.ts";
import type { S3Answer, S3Request } from "./s3_server.ts";

/** What a request asks for, as it was sent. */
export interface RequestTarget {
  /** Percent-encoded. */
  readonly path: string;
  /** Behind the ?; empty where there is none. */
  readonly search: string;
}

/** What a signature is checked against. */
export interface SignatureOptions {
  /** Who may ask. */
  readonly credentials: StoreCredentials;
  /** The region that requests must be signed for. */
  readonly region: string;
  /** How much the server's clock is ahead. */
  readonly clockAheadMs?: number;
}

/** A refusal as S3 words it. */
export const refuse = (status: number, code: string): S3Answer => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>It is ${code}</Message></Error>`,
});

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 15 * 60 * 1000;

/** What is wrong with a request's signature and payload. The path counts as it was sent, not as it could be written. */
export function checkSignature(
  request: S3Request,
  { path, search }: RequestTarget,
  { credentials, region, clockAheadMs = 0 }: SignatureOptions,
): S3Answer | undefined {
  const { method, headers, body } = request;
  const [match, id, date, signedRegion, names, signature] = AUTHORIZATION.exec(headers.authorization ?? "") ?? [];
  if (match === undefined) return refuse(403, "AccessDenied");
  if (id !== credentials.accessKeyId) return refuse(403, "InvalidAccessKeyId");
  // Some clients that have no token send an empty one.
  const token = headers["x-amz-security-token"] || undefined;
  if (token !== credentials.sessionToken) return refuse(400, "InvalidToken");
  if (signedRegion !== region) return refuse(400, "AuthorizationHeaderMalformed");
  const signed = names.split(";");
  const mustBeSigned = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))];
  if (mustBeSigned.some((name) => !signed.includes(name))) return refuse(403, "AccessDenied");
  const time = headers["x-amz-date"] ?? "";
  const declared = headers["x-amz-content-sha256"] ?? "";
  const canonical = [
    method,
    path,
    canonicalQuery(search),
    ...signed.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names,
    declared,
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, digest(canonical).toString("hex")].join("\n");
  const key = [date, region, "s3", "aws4_request"].reduce<string | Uint8Array>(
    hmac,
    `AWS4${credentials.secretAccessKey}`,
  );
  if (hmac(key, toSign).toString("hex") !== signature) return refuse(403, "SignatureDoesNotMatch");
  if (!(Math.abs(parseTime(time) - Date.now() - clockAheadMs) < MAX_SKEW_MS)) {
    return refuse(403, "RequestTimeTooSkewed");
  }
  return checkPayload(request, declared, digest(body));
}

function checkPayload({ method, headers, body }: S3Request, declared: string, hash: Buffer): S3Answer | undefined {
  if (method === "PUT" && headers["content-length"] === undefined) return refuse(411, "MissingContentLength");
  if (declared.startsWith("STREAMING-")) return refuse(501, "NotImplemented");
  if (declared !== "UNSIGNED-PAYLOAD" && declared !== hash.toString("hex")) {
    return refuse(400, "XAmzContentSHA256Mismatch");
  }
  const checksum = headers["x-amz-checksum-sha256"];
  if (checksum !== undefined && checksum !== hash.toString("base64")) return refuse(400, "BadDigest");
  const md5 = headers["content-md5"];
  if (md5 !== undefined && md5 !== digest(body, "md5").toString("base64")) return refuse(400, "BadDigest");
}

/** Digest of bytes, by SHA-256 unless told otherwise. */
export function digest(of: string | Uint8Array, algorithm = "sha256"): Buffer {
  return createHash(algorithm).update(of).digest();
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function canonicalQuery(search: string): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return pairsOf(search).map((pair) => pair.map(encode).join("=")).sort().join("&");
}

function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** The parameters of a query, decoded. */
export function pairsOf(search: string): [string, string][] {
  return search.split("&").filter((pair) => pair !== "").map((pair) => {
    const [name, value = ""] = pair.split("=", 2);
    return [decodeURIComponent(name), decodeURIComponent(value)];
  });
}
