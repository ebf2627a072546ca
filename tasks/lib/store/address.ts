import { TaskError } from "../task/errors.ts";
import type { StoreTarget } from "../task/store_target.ts";

/** URL of a bucket, without a slash at its end.
 *
 * AWS has the bucket in the host's name, where its certificate covers that: a name with dots it does not. Any other
 * endpoint has it in the path.
 */
export function bucketUrl({ bucket, endpoint, region }: Pick<StoreTarget, "bucket" | "endpoint" | "region">): string {
  if (endpoint !== undefined) return `${endpoint}/${bucket}`;
  const host = `s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  return bucket.includes(".") ? `https://${host}/${bucket}` : `https://${bucket}.${host}`;
}

/** A key as the path of a URL, each segment percent-encoded, so that what is signed is what is sent.
 *
 * Errors: TaskError for a key that no URL can hold: one with a segment of one or two dots.
 */
export function encodeKey(key: string): string {
  return key.split("/").map((segment) => {
    if (segment !== "." && segment !== "..") return encodeStrictly(segment);
    throw new TaskError(`Cannot name object "${key}" in a URL: "${segment}" has a meaning there; give it another key`);
  }).join("/");
}

/** A query as it stands behind the ?, spaces as %20. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query).map((pair) => pair.map(encodeStrictly).join("=")).join("&");
}

/** All but the letters, digits and -._~ of RFC 3986 written out. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
