import { isLocalHost, TargetError } from "./target.ts";

/** A place in object storage. */
export interface StoreUrl {
  /** Name of the bucket. */
  readonly bucket: string;
  /** What the keys begin with: no slash at either end, empty for the whole bucket. */
  readonly prefix: string;
}

/** Who asks the store. */
export interface StoreCredentials {
  /** Name of the key; part of every request. */
  readonly accessKeyId: string;
  /** What requests are signed with; never sent, never printed. */
  readonly secretAccessKey: string;
  /** Of credentials that expire; never printed. */
  readonly sessionToken?: string;
}

/** A place in object storage, ready to ask. */
export interface StoreTarget extends StoreUrl {
  /** URL of a store that is not AWS, without a slash at its end. */
  readonly endpoint?: string;
  /** Name of the region that requests are signed for. */
  readonly region: string;
  /** Who asks. */
  readonly credentials: StoreCredentials;
  /** `s3://bucket/prefix`, with the endpoint's host where there is one. */
  readonly label: string;
}

/** The place that an s3:// URL names; the prefix is taken as it stands, nothing in it is decoded.
 *
 * Errors: TargetError for anything else, without any part of it that could be a secret.
 */
export function parseStoreUrl(text: string): StoreUrl {
  const [, bucket, path = ""] = /^s3:\/\/([^/]*)(\/.*)?$/s.exec(text) ?? [];
  if (bucket === undefined) throw new TargetError("it does not start with s3://");
  if (/[@:]/.test(bucket)) {
    throw new TargetError("it has more than a bucket before the path; put keys into AWS_ACCESS_KEY_ID and so on");
  }
  if (bucket === "") throw new TargetError("it names no bucket");
  if (!/^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(bucket)) {
    throw new TargetError("its bucket is no name of one: 3 to 63 lower case letters, digits, hyphens and single dots");
  }
  const prefix = path.replace(/^\/|\/+$/g, "");
  if (/[?#\\\p{Cc}]/u.test(prefix)) {
    throw new TargetError("its path has a ?, #, \\ or control character; leave that out");
  }
  const segments = prefix === "" ? [] : prefix.split("/");
  if (segments.some((segment) => ["", ".", ".."].includes(segment))) {
    throw new TargetError("its path has an empty segment, or one of dots; write it without");
  }
  return { bucket, prefix };
}

/** The endpoint that a URL names, without a slash at its end.
 *
 * Errors: TargetError for anything but https://, or http:// to this machine, and for a URL with more than host and path.
 */
export function parseEndpoint(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new TargetError("it is no https:// URL");
  const { protocol, hostname, host, pathname, username, password, search, hash } = new URL(text);
  if (username || password) throw new TargetError("it has credentials; put them into AWS_ACCESS_KEY_ID and so on");
  if (search || hash) throw new TargetError("it has a query or fragment; leave that out");
  if (protocol === "http:" && !isLocalHost(hostname.replace(/^\[(.*)\]$/, "$1"))) {
    throw new TargetError("it is http:// to a host that is not this machine; use https://");
  }
  return `${protocol}//${host}${pathname.replace(/\/+$/, "")}`;
}

/** A place as it is printed. */
export function formatStoreUrl({ bucket, prefix }: StoreUrl, endpoint?: string): string {
  const url = `s3://${bucket}${prefix && "/"}${prefix}`;
  return endpoint === undefined ? url : `${url} at ${new URL(endpoint).host}`;
}
