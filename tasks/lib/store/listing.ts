import type { ListedObject } from "./store.ts";
import { parseXml, textOf, type XmlElement } from "./xml.ts";

/** A part of a listing. */
export interface ListedPage {
  /** Its objects, in the store's order. */
  readonly objects: readonly ListedObject[];
  /** Names the next part; undefined for the last one. */
  readonly nextToken?: string;
}

/** What a page is read against. */
export interface ExpectedPage {
  /** What every key begins with; left out of the keys that come out. */
  readonly start: string;
  /** The token that the page was asked for with. */
  readonly token?: string;
}

/** A page of ListObjectsV2. Keys are plain text in XML: no encoding-type is asked for, as stores differ in it.
 *
 * Errors: SyntaxError for another document, for a key that is not below `start`, and for a page that leads nowhere.
 */
export function parsePage(document: string, { start, token }: ExpectedPage): ListedPage {
  const root = parseXml(document);
  if (root.name !== "ListBucketResult") throw new SyntaxError(`its answer is <${root.name}>, no listing`);
  const objects = root.children.filter(({ name }) => name === "Contents").map((entry) => toObject(entry, start));
  if (textOf(root, "IsTruncated") !== "true") return { objects };
  const nextToken = textOf(root, "NextContinuationToken");
  if (!nextToken || nextToken === token) throw new SyntaxError("its answer is cut, and does not say where it goes on");
  return { objects, nextToken };
}

function toObject(entry: XmlElement, start: string): ListedObject {
  const key = textOf(entry, "Key");
  const sizeBytes = Number(textOf(entry, "Size") || NaN);
  const modifiedMs = Date.parse(textOf(entry, "LastModified") ?? "");
  if (!key?.startsWith(start)) throw new SyntaxError("its answer has a key that was not asked for");
  if (!Number.isSafeInteger(sizeBytes) || Number.isNaN(modifiedMs)) {
    throw new SyntaxError("its answer has an object without size or time");
  }
  return { key: key.slice(start.length), sizeBytes, modifiedMs };
}
