import { createHash } from "node:crypto";
import { join } from "node:path";
import { literal, openDuckDb } from "./duckdb.ts";
import { messageOf, TaskError } from "./errors.ts";
import { listDays, listParts, partPath } from "./lake.ts";
import type { Manifest, ManifestDay, ManifestPart } from "./manifest.ts";

/** The manifest of a lane whose own was lost, made from its files.
 *
 * Its days have no fingerprints and no schema, so that the next export writes them anew and keeps the rows of other
 * sources.
 *
 * Errors: TaskError naming a file that cannot be read.
 */
export async function adoptLane(lane: string, empty: Manifest): Promise<Manifest> {
  using db = await openDuckDb();
  const days: Record<string, ManifestDay> = {};
  for (const day of await listDays(lane)) {
    const parts: ManifestPart[] = [];
    for (const file of await listParts(lane, day)) {
      const path = join(lane, partPath(day, file));
      try {
        const rows = db.query(`select source, count(*), epoch_us(min(created_at)), epoch_us(max(created_at))
          from read_parquet(${literal(path)}) group by 1 order by 1`).rows;
        const bytes = await Deno.readFile(path);
        parts.push({
          file,
          rows: Object.fromEntries(rows.map(([source, count]) => [source!, Number(count)])),
          sizeBytes: bytes.length,
          sha256: createHash("sha256").update(bytes).digest("hex"),
          minCreatedAt: rows.map(([, , min]) => min!).sort((a, b) => Number(a) - Number(b))[0],
          maxCreatedAt: rows.map(([, , , max]) => max!).sort((a, b) => Number(b) - Number(a))[0],
        });
      } catch (error) {
        throw new TaskError(`Cannot adopt "${path}": ${messageOf(error)}; move it away and export again`);
      }
    }
    if (parts.length > 0) days[day] = { fingerprints: {}, schema: "", skipped: {}, parts };
  }
  return { ...empty, days };
}
