import { type DuckDb } from "../parquet/duckdb.ts";
import { literal } from "../parquet/quote.ts";
import { bytesInTable, schemaBytes } from "../parquet/footer.ts";
import { type DiskFile, readableOf, readDiskFile } from "../parquet/joined_disk.ts";
import { type AddedColumn, joinFiles } from "../parquet/joined_file.ts";
import { baseViewOf, catalogOver, viewsOf } from "./catalog_views.ts";
import type { LakeFile, QueryRequest } from "./query_messages.ts";
import { wantedBy } from "./wanted.ts";

/** What the path of a file says of its rows. */
const PLACE: readonly AddedColumn[] = [{ name: "lane", type: "text" }, { name: "dt", type: "date" }];

/** A file of the lake, looked at. */
interface OpenFile extends DiskFile {
  readonly values: readonly string[];
}

/** Files between two notices of progress. */
const TOLD_EVERY = 20;

/** How often the rows are there when views are tables, too. */
const COPIES = 3;

/** Makes the views of the catalog that queries need, over tables of the columns that they need, each file read once.
 *
 * Queries that take whole rows get views over the files instead: what they leave out is not known. Tells how many bytes
 * the tables take, about; nothing is made where that is more than `maxBytes`.
 */
export function openLake(
  db: DuckDb,
  { catalog, files, queries, maxBytes }: QueryRequest & { kind: "open" },
  progress: (files: number, of: number) => void,
): number {
  const views = viewsOf(catalog, files.keys());
  const wanted = wantedBy(queries, views);
  const datasets = views.filter(({ name, sql }) => baseViewOf(sql) && wanted.views.has(name)).map(({ name }) => name)
    .filter((name) => files.has(name));
  const keep = (name: string) => wanted.words?.has(name.toLowerCase()) ?? true;
  const open = readFooters(new Map(datasets.map((name) => [name, files.get(name)!])), progress);
  const sizeBytes = wanted.words ? sum([...open.values()].flat().map(({ footer }) => bytesInTable(footer, keep))) : 0;
  if (sizeBytes > maxBytes) return sizeBytes;
  const sources = new Map([...open].map(([dataset, parts]) => {
    const relation = join(db, { dataset, parts, keep });
    return [dataset, `create or replace ${wanted.words ? "table" : "view"} ${dataset} as ${relation};`];
  }));
  const asTables = wanted.words !== undefined && sizeBytes * COPIES <= maxBytes;
  db.run(catalogOver(catalog, { sources, views: wanted.views, asTables }));
  if (wanted.words) open.forEach((parts, dataset) => requireAll(db, dataset, parts));
  return sizeBytes;
}

function readFooters(
  files: ReadonlyMap<string, readonly LakeFile[]>,
  progress: (files: number, of: number) => void,
): Map<string, OpenFile[]> {
  const of = sum([...files.values()].map(({ length }) => length));
  let read = 0;
  const open = ({ path, lane, dt }: LakeFile): OpenFile => {
    const file = { ...readDiskFile(path), values: [lane, dt] };
    if (++read % TOLD_EVERY === 0 || read === of) progress(read, of);
    return file;
  };
  return new Map([...files].map(([dataset, list]) => [dataset, list.map(open)]));
}

/** A SELECT of all rows of a dataset: the engine is given one file for each schema, so that it opens few. */
function join(
  db: DuckDb,
  { dataset, parts, keep }: {
    readonly dataset: string;
    readonly parts: readonly OpenFile[];
    readonly keep: (name: string) => boolean;
  },
): string {
  const bySchema = Map.groupBy(parts, ({ footer }) => new TextDecoder("latin1").decode(schemaBytes(footer)));
  const paths = [...bySchema.values()].map((same, number) => {
    const name = `${dataset}.${number}.parquet`;
    db.putReadable(name, readableOf(joinFiles(same, { added: PLACE, keep }), same));
    return literal(`memory/${name}`);
  });
  return `select * from read_parquet([${paths.join(", ")}], union_by_name = ${paths.length > 1})`;
}

/** A load that ended early would be a wrong answer to every query. */
function requireAll(db: DuckDb, dataset: string, parts: readonly OpenFile[]): void {
  const rows = sum(parts.flatMap(({ footer }) => footer.groups.map((group) => group.rows)));
  const [count] = db.one(`select count(*) from ${dataset}`);
  if (Number(count) !== rows) throw new Error(`DuckDB read ${count} of ${rows} rows of ${dataset}`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
