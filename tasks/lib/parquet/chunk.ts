import { type Dataset } from "../dataset/dataset.ts";
import { sha256 } from "../task/digest.ts";
import { type DuckDb } from "./duckdb.ts";
import { quote } from "./quote.ts";
import { splitFile } from "./footer.ts";

/** A finished chunk: a Parquet file of one row group. */
export interface Chunk {
  readonly rows: Readonly<Record<string, number>>;
  /** SHA-256 of the row group's bytes, in hexadecimal. */
  readonly sha256: string;
  /** The file, valid until the next chunk is begun. */
  readonly bytes: Uint8Array;
}

/** The chunk that a file in the engine's memory is, as the engine reads it. */
export function toChunk(db: DuckDb, name: string, { hasSources }: Pick<Dataset, "hasSources">): Chunk {
  const sources = hasSources ? "source" : "'postgres' as source";
  const counts = ["postgres", "sqlite"].map((source) => `count(*) filter (source = '${source}')`);
  const [postgres, sqlite] = db.one(`select ${counts} from (select ${sources} from read_parquet('memory/${name}'))`);
  const bytes = db.fileBytes(name);
  return {
    rows: { postgres: Number(postgres), sqlite: Number(sqlite) },
    sha256: sha256(splitFile(bytes).rowGroups),
    bytes,
  };
}

/** What a copied table is compared by. */
export interface Copied {
  readonly dataset: Pick<Dataset, "columns">;
  readonly table: string;
  /** Rows that were inserted. */
  readonly rows: number;
}

/** Compares a table with the file that the engine has copied it to: row group, and every row by its hash.
 *
 * Errors: Error that tells what differs.
 */
export function expectCopied(db: DuckDb, path: string, { dataset, table, rows }: Copied): void {
  const inserted = db.one(digestSql(dataset, table));
  const written = db.one(digestSql(dataset, `read_parquet('${path}')`));
  if (inserted[0] !== `${rows}`) throw new Error(`DuckDB holds ${inserted[0]} of ${rows} rows`);
  if (inserted.join() !== written.join()) throw new Error("the written rows are not the inserted ones");
  const group = db.one(`select max(row_group_id), max(row_group_num_rows) from parquet_metadata('${path}')`);
  if (group.join() !== `0,${rows}`) throw new Error("the written rows are in more than one row group");
}

/** Rows, and two mixtures of all rows' hashes. */
function digestSql(dataset: Pick<Dataset, "columns">, table: string): string {
  return `select count(*), bit_xor(h), sum(h::hugeint) from (select hash(${namesOf(dataset)}) as h from ${table})`;
}

/** Compares the names and types of the columns, which no row has otherwise than the first one.
 *
 * Errors: Error where they differ.
 */
export function expectSameTypes(db: DuckDb, path: string, { dataset, table }: Omit<Copied, "rows">): void {
  const [inserted, written] = [table, `read_parquet('${path}')`].map((rows) => db.one(typesSql(dataset, rows)));
  if (inserted.join() !== written.join()) throw new Error("the written columns are not the inserted ones");
}

function typesSql(dataset: Pick<Dataset, "columns">, table: string): string {
  return `select any_value(typeof(row(${namesOf(dataset)}))) from (select * from ${table} limit 1)`;
}

function namesOf({ columns }: Pick<Dataset, "columns">): string {
  return columns.map(({ name }) => quote(name)).join(", ");
}
