import type { StoredTuples } from "../../tasks/lib/dataset/source.ts";

/** The blocks of tuples that a source has put into a file. */
export function readStored(
  { path, start, blocks }: StoredTuples,
): { readonly tuples: Uint8Array; readonly rows: number }[] {
  const bytes = Deno.readFileSync(path);
  let at = start;
  return blocks.map(({ sizeBytes, rows }) => ({ tuples: bytes.subarray(at, at += sizeBytes), rows }));
}
