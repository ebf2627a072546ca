import { join } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { microsOf, readFooter } from "./day_file.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { literal, quote } from "../parquet/quote.ts";
import { EXIT, messageOf, TaskError } from "../task/errors.ts";
import { type FileMark, hasColumnsOf, markOfFile } from "../parquet/file_mark.ts";
import { filePath, listDays, listFiles } from "./lake.ts";
import { sha256OfFile } from "../task/files.ts";
import type { RedactionRequest } from "./redaction.ts";
import { emptyManifest, type Manifest, type ManifestDay } from "./manifest.ts";

/** Options of `adoptLane`. */
export interface AdoptOptions extends Pick<RedactionRequest, "lane"> {
  readonly dataset: Dataset;
  /** Redactions that were asked for; undefined where none were named. */
  readonly redacted?: readonly string[];
}

/** The manifest of a lane whose own was lost, made from its files.
 *
 * Its days have no fingerprints and no schema, so that the next export writes them anew and keeps the rows of other
 * sources. What is redacted is what the files say.
 *
 * Errors: TaskError naming a file that is not the dataset's (exit 3), or cannot be read; TaskError (exit 3) where a file
 * does not say what is redacted in it, unless the redactions were named.
 */
export async function adoptLane(directory: string, { dataset, lane, redacted }: AdoptOptions): Promise<Manifest> {
  using db = await openDuckDb();
  const days: Record<Day, ManifestDay> = {};
  const marks: (FileMark | undefined)[] = [];
  const instant = quote(dataset.day.name) + (dataset.day.layout === "date" ? "::timestamp" : "");
  for (const day of await listDays(directory)) {
    const paths = listFiles(directory, day, dataset.name).map((file) => filePath(day, file));
    if (paths.length === 0) continue;
    marks.push(...await readMarks(directory, paths, dataset));
    const list = paths.map((path) => literal(join(directory, path)));
    days[day] = await reading(join(directory, paths[0]), async () => {
      const rows = db.query(`select ${dataset.hasSources ? "source" : "'postgres'"}, count(*),
          epoch_us(min(${instant})), epoch_us(max(${instant}))
        from read_parquet([${list}], union_by_name = true) group by 1 order by 1`).rows;
      return { ...UNKNOWN, ...toBounds(rows), files: await Promise.all(paths.map((path) => toFile(directory, path))) };
    });
  }
  if (marks.includes(undefined) && redacted === undefined) {
    throw new TaskError(
      `Cannot export to lane "${lane}": its manifest is lost and its files do not say which columns are redacted; ` +
        `add --redact with the columns, --redact '' for none`,
      EXIT.refused,
    );
  }
  const known = new Set(marks.flatMap((mark) => mark?.redacted ?? []));
  return { ...emptyManifest(dataset.name, dataset.columns), redacted: [...known].sort(), days };
}

/** What is not known of a day whose manifest was lost. */
const UNKNOWN = { schema: "", fingerprints: {}, digests: {}, keys: {}, skipped: {} };

async function readMarks(
  directory: string,
  paths: readonly string[],
  dataset: Dataset,
): Promise<(FileMark | undefined)[]> {
  return await Promise.all(paths.map(async (path) => {
    const footer = await reading(join(directory, path), () => readFooter(join(directory, path)));
    const mark = markOfFile(footer);
    if (mark === undefined ? hasColumnsOf(footer, dataset) : mark.dataset === dataset.name) return mark;
    throw new TaskError(
      `Cannot adopt "${
        join(directory, path)
      }": it is no file that an export of ${dataset.name} has written; move it away`,
      EXIT.refused,
    );
  }));
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TaskError) throw error;
    throw new TaskError(`Cannot adopt "${path}": ${messageOf(error)}; move it away and export again`);
  }
}

async function toFile(directory: string, path: string): Promise<ManifestDay["files"][number]> {
  const { size } = await Deno.stat(join(directory, path));
  return { file: path.split("/")[1], sizeBytes: size, sha256: await sha256OfFile(join(directory, path)) };
}

function toBounds(
  rows: readonly (readonly (string | null)[])[],
): Pick<ManifestDay, "rows" | "firstMicros" | "lastMicros"> {
  const counts = Object.fromEntries(rows.map(([source, count]) => [source!, Number(count)]));
  return { rows: counts, ...microsOf(rows.map(([, , min, max]) => ({ min: BigInt(min!), max: BigInt(max!) }))) };
}
