/** What a store tells of an object without its bytes. */
export interface StoredObject {
  /** Its size. */
  readonly sizeBytes: number;
  /** Names these bytes under this key, as the store writes it, quotes included. */
  readonly etag: string;
  /** SHA-256 in hexadecimal, of those that `putFile` put. */
  readonly sha256?: string;
}

/** An object as a listing has it. */
export interface ListedObject {
  /** Relative to the store's prefix. */
  readonly key: string;
  /** Its size. */
  readonly sizeBytes: number;
  /** When it was put, by the store's clock. */
  readonly modifiedMs: number;
}

/** The bytes of an object. */
export interface FetchedObject {
  /** All of them. */
  readonly bytes: Uint8Array;
  /** As in `StoredObject`. */
  readonly etag: string;
}

/** An object that was written to a file. */
export interface FetchedFile {
  /** Bytes that were written. */
  readonly sizeBytes: number;
  /** SHA-256 of what was written, in hexadecimal. */
  readonly sha256: string;
  /** As in `StoredObject`. */
  readonly etag: string;
}

/** What must hold for a put: that no object is there, or the one with this ETag. */
export type PutCondition = { readonly kind: "absent" } | { readonly kind: "unchanged"; readonly etag: string };

/** How a put ended: "unmet" where its condition did not hold, and nothing was stored by this attempt.
 *
 * A put is tried again where its answer is lost, and then meets what it stored itself: "unmet" can mean one's own object.
 * Who needs to know compares what is there.
 */
export type PutOutcome = { readonly kind: "stored"; readonly etag: string } | { readonly kind: "unmet" };

/** Options of `put`. */
export interface PutOptions {
  /** Left out: whatever is there is replaced. */
  readonly condition?: PutCondition;
  /** Media type (application/octet-stream). */
  readonly contentType?: string;
}

/** Options of `putFile`. */
export interface PutFileOptions {
  /** SHA-256 of the file in hexadecimal; the object keeps it. */
  readonly sha256: string;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** Left out: whatever is there is replaced. */
  readonly condition?: PutCondition;
  /** Hears of bytes that the store has taken: of a small file all at once, else part by part. */
  readonly onBytes?: (bytes: number) => void;
}

/** Options of `getFile`. */
export interface GetFileOptions {
  /** Hears of bytes as they are written. */
  readonly onBytes?: (bytes: number) => void;
}

/** Objects below one prefix of a bucket. Keys are relative to that prefix.
 *
 * Errors: TaskError (exit 1) for whatever the store refuses, and where it cannot be reached after several attempts; the
 * reason of the signal that the store was opened with, as soon as that is aborted.
 */
export interface ObjectStore {
  /** `s3://bucket/prefix`, with the endpoint's host where it is not AWS; the only form that is printed. */
  readonly label: string;
  /** `s3://bucket/prefix`, as other tools take it. */
  readonly url: string;
  /** An object's bytes; undefined where there is none. */
  get(key: string): Promise<FetchedObject | undefined>;
  /** What is known of an object; undefined where there is none. */
  head(key: string): Promise<StoredObject | undefined>;
  /** Stores bytes. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<PutOutcome>;
  /** Stores a file, whose bytes must be those of its SHA-256. */
  putFile(key: string, path: string, options: PutFileOptions): Promise<PutOutcome>;
  /** Writes an object to a path where nothing is yet; undefined, and nothing written, where there is no object. */
  getFile(key: string, path: string, options?: GetFileOptions): Promise<FetchedFile | undefined>;
  /** The objects whose keys begin so, in the order of their keys' UTF-8. */
  list(prefix: string): AsyncIterable<ListedObject>;
  /** Removes an object; that it is not there is no error. */
  remove(key: string): Promise<void>;
}
