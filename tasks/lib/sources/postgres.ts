import type { Dataset } from "../dataset/dataset.ts";
import type { Origin } from "../postgres/database.ts";
import type { Sql } from "../postgres/connection.ts";
import { copyOut } from "../postgres/copy_out.ts";
import { isFlushed, readServerState } from "./server_state.ts";
import { type BadRow, type DayRange, type SharedSnapshot, type TableSource } from "../dataset/source.ts";
import { checkSourceColumns } from "../dataset/source_columns.ts";
import { BEGIN, BY_INDEX } from "./session.ts";
import { type Patience, unlessStalled } from "../postgres/stall.ts";
import type { ServerTarget } from "../task/target.ts";
import { cutDay } from "./segments.ts";
import { comesByIndex, copySql } from "./table_copy.ts";
import { readDays } from "./table_days.ts";
import { lockTable } from "./table_lock.ts";
import { sha256 } from "../task/digest.ts";

/** A table that is read. */
export interface TableOptions {
  /** What is exported of it. */
  readonly dataset: Dataset;
  /** Called with each column of the table that the dataset leaves out. */
  readonly onUnlisted: (column: string) => void;
  /** Called with each row that is in no day; without it, it fails the export. */
  readonly onBadRow?: (row: BadRow) => void;
}

/** Options of `withPostgresSources`. */
export interface PostgresSourcesOptions {
  /** Tables to read. */
  readonly tables: readonly TableOptions[];
  /** Where the database is. */
  readonly origin: Origin;
  /** How long to wait for it. */
  readonly patience: Patience;
  /** Days to look at. */
  readonly range: DayRange;
  /** Where further sessions are to be had; none where undefined. */
  readonly target?: ServerTarget;
}

type SourceOptions = TableOptions & Omit<PostgresSourcesOptions, "tables" | "target"> & {
  /** What all tables of a snapshot have in common. */
  readonly sharing: { target: ServerTarget | undefined };
};

/** Gives one snapshot of some tables to `use`, a source each in their order, undefined for one that is
 * not there: fingerprints first, rows on demand.
 *
 * Fingerprints are over where each row version is and who wrote it, so that no row is rendered: any insert, update or
 * delete changes them while the server only goes forward; `Source.log` tells whether it has.
 */
export async function withPostgresSources<T>(
  sql: Sql,
  options: PostgresSourcesOptions,
  use: (sources: readonly (TableSource | undefined)[]) => Promise<T>,
): Promise<T> {
  const { patience } = options;
  const [opened, used] = [Promise.withResolvers<void>(), Promise.withResolvers<T>()];
  const done = inTransaction(sql, async () => {
    const sources = await openSnapshot(sql, options);
    opened.resolve();
    used.resolve(use(sources));
    await used.promise;
  });
  // A session that is stalled does not end its transaction either: no failure waits for that.
  await unlessStalled(Promise.race([opened.promise, done]), { what: "its days" }, patience);
  await Promise.race([used.promise, done]);
  await unlessStalled(done, { what: "the end of its transaction" }, { ...patience, startMs: patience.idleMs });
  return await used.promise;
}

/** Runs `body` in a transaction with the settings; the library's own sends its BEGIN alone. */
async function inTransaction(sql: Sql, body: () => Promise<void>): Promise<void> {
  await sql.unsafe(BEGIN);
  try {
    await body();
  } catch (error) {
    // A connection that is lost has ended it already.
    await sql.unsafe("rollback").catch(() => {});
    throw error;
  }
  await sql.unsafe("commit");
}

async function openSnapshot(
  tx: Sql,
  { tables, target, ...options }: PostgresSourcesOptions,
): Promise<readonly (TableSource | undefined)[]> {
  const sharing = { target };
  const isThere: boolean[] = [];
  for (const { dataset } of tables) isThere.push(await lockTable(tx, dataset));
  const state = await readServerState(tx, options.origin);
  const sources: (TableSource | undefined)[] = [];
  for (const [index, table] of tables.entries()) {
    sources.push(isThere[index] ? await openTable(tx, { ...table, ...options, sharing }) : undefined);
  }
  // Nearly always so by now; only where it is not, the connection is needed once more at the end.
  const isFlushedYet = await isFlushed(tx, state.position, { waitMs: 0 });
  const log = { state, isFlushed: async () => isFlushedYet || await isFlushedInTime(tx, state.position, options) };
  return sources.map((source) => source && { ...source, log });
}

async function openTable(tx: Sql, options: SourceOptions): Promise<TableSource> {
  const identity = sha256(await tableSignature(tx, options)).slice(0, 16);
  const { days, parts } = await readDays(tx, options);
  const isIndexed = await comesByIndex(tx, options.dataset);
  return {
    kind: "postgres",
    key: "postgres",
    identity,
    days,
    partial: false,
    segments: (wanted) => wanted.flatMap((day) => cutDay(day, parts.get(day) ?? [[0, days.get(day)!.rows]])),
    copySql: (segments) => copySql(segments, isIndexed, options),
    async read(text, take) {
      if (isIndexed) await tx.unsafe(BY_INDEX);
      await copyOut(tx, text, { take, patience: options.patience });
    },
    share: () => shareSnapshot(tx, isIndexed, options),
    keepToItself: () => void (options.sharing.target = undefined),
  };
}

async function shareSnapshot(
  tx: Sql,
  isIndexed: boolean,
  { sharing: { target }, dataset, patience }: SourceOptions,
): Promise<SharedSnapshot | undefined> {
  if (target === undefined) return undefined;
  const [{ id }] = await unlessStalled(
    tx.unsafe("select pg_export_snapshot() as id"),
    { what: "its snapshot" },
    patience,
  );
  return { target, id, table: dataset.table, byIndex: isIndexed, idleMs: patience.idleMs, startMs: patience.startMs };
}

/** How long a server may take to say that its log is on its disk. */
const FLUSH_MS = 5000;

/** A server that is lost or does not answer has not said it. */
async function isFlushedInTime(
  tx: Sql,
  position: string,
  { patience }: Pick<SourceOptions, "patience">,
): Promise<boolean> {
  const answer = isFlushed(tx, position);
  return await unlessStalled(answer, { what: "its log" }, { ...patience, startMs: FLUSH_MS }).catch(() => false);
}

/** Changes when the table or the SELECT is another one, or when columns read differently without a new row version. */
async function tableSignature(tx: Sql, { dataset, onUnlisted }: SourceOptions): Promise<string> {
  const columns = await tx<{ name: string; type: string; shape: string; relation: string }[]>`
    select a.attname as name, concat_ws(':', a.attnum, a.atttypid, a.atttypmod, a.attmissingval::text) as shape,
      format_type(a.atttypid, a.atttypmod) as type,
      concat_ws(':', a.attrelid, pg_relation_filenode(a.attrelid)) as relation
    from pg_attribute a
    where a.attrelid = ${dataset.table}::regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum`;
  checkSourceColumns(dataset, columns);
  const listed = new Set(dataset.sourceColumns);
  const others = columns.filter(({ name }) => !listed.has(name) && !dataset.leftOut.includes(name));
  for (const { name } of others) onUnlisted(name);
  const shapes = columns.filter(({ name }) => listed.has(name)).map(({ name, shape }) => `${name}:${shape}`);
  return `${columns[0].relation} ${shapes.join(" ")} ${dataset.select}`;
}
