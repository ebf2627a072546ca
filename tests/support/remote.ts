import { AwsClient } from "aws4fetch";
import { type ParquetRow, readParquet } from "./parquet.ts";
import type { StoreTarget } from "../../tasks/lib/task/store_target.ts";

/** Reads objects of a lane in a store, by requests of its own. */
export interface RemoteReader {
  /** Bytes of an object, by its key relative to the lane; undefined where there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
}

/** Settings of the tasks for a place in object storage. */
export function storeSettings({ bucket, prefix, endpoint, region, credentials }: StoreTarget): Record<string, string> {
  return {
    EXPORT_URL: `s3://${bucket}/${prefix}`,
    S3_ENDPOINT: endpoint ?? "",
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken ?? "",
  };
}

/** A reader of a lane of a store; what the store cuts off is asked for again. */
export function remoteReader(
  { endpoint, bucket, prefix, region, credentials }: StoreTarget,
  lane: string,
): RemoteReader {
  const client = new AwsClient({ ...credentials, region, service: "s3", retries: 0 });
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    const path = `${prefix}/${lane}/${key}`.split("/").map(encodeURIComponent).join("/");
    try {
      const response = await client.fetch(`${endpoint}/${bucket}/${path}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (response.status === 404) return undefined;
      if (response.status !== 200) throw new Error(`GET ${key}: ${response.status}`);
      return bytes;
    } catch (error) {
      if (error instanceof TypeError) return await get(key);
      throw error;
    }
  };
  return { get };
}

/** What a reader sees of a lane. */
export interface RemoteRows {
  /** Which commit; 0 where there is none. */
  readonly generation: number;
  /** Its rows, with their day as `dt`. */
  readonly rows: readonly (ParquetRow & { readonly dt: string })[];
}

/** All rows of a lane's newest snapshot, found by its manifest, or by its Delta log as the protocol says. */
export async function readRemote(reader: RemoteReader, by: "manifest" | "delta"): Promise<RemoteRows> {
  const { generation, paths } = await (by === "manifest" ? byManifest(reader) : byDelta(reader));
  const rows = await Promise.all(paths.map(async (path) => {
    const bytes = await reader.get(path);
    if (bytes === undefined) throw new Error(`${path} of generation ${generation} is missing`);
    const [, dt] = /dt=([\d-]+)\//.exec(path)!;
    return (await readParquet(bytes)).rows.map((row) => ({ ...row, dt }));
  }));
  return { generation, rows: rows.flat() };
}

interface Files {
  readonly generation: number;
  readonly paths: readonly string[];
}

async function byManifest(reader: RemoteReader): Promise<Files> {
  const bytes = await reader.get("_manifest.json");
  if (bytes === undefined) return { generation: 0, paths: [] };
  const { generation, objects } = JSON.parse(new TextDecoder().decode(bytes));
  return { generation, paths: Object.values(objects) };
}

async function byDelta(reader: RemoteReader): Promise<Files> {
  const paths = new Set<string>();
  for (let version = 0;; version++) {
    const bytes = await reader.get(`_delta_log/${String(version).padStart(20, "0")}.json`);
    if (bytes === undefined) return { generation: version, paths: [...paths] };
    for (const line of new TextDecoder().decode(bytes).trimEnd().split("\n")) {
      const { add, remove } = JSON.parse(line);
      if (remove && !paths.delete(remove.path)) {
        throw new Error(`version ${version} removes ${remove.path}, which is not there`);
      }
      if (add) paths.add(add.path);
    }
  }
}
