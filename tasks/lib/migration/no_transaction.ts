import { fileFailure } from "./errors.ts";
import type { Migration } from "./files.ts";
import { type Run, runStatements } from "./session.ts";
import { type Sql, withRollback } from "../postgres/connection.ts";

/** Runs the one statement of a file that has no transaction.
 *
 * An index whose build does not finish is dropped again: what is left of it slows every write, is used by no query, and
 * would be taken for the index by IF NOT EXISTS. One that is left from a killed run is dropped before, and one that such a
 * run has finished without recording it is taken as it is.
 *
 * Errors: TaskError (exit 1) when the statement fails or leaves an invalid index.
 */
export async function runAlone(run: Run, migration: Migration): Promise<void> {
  const { sql } = run;
  const [{ start, end }] = migration.statements;
  const index = parseConcurrentIndex(migration.text.slice(start, end));
  if (index && await isAlreadyThere(run, migration, index)) return;
  const before = await listInvalidIndexes(sql);
  // It waits for every older transaction, and that counts as waiting for a lock.
  await sql.unsafe("set lock_timeout = 0");
  try {
    await runStatements(run, migration);
  } catch (error) {
    if (index) await cleanUp(run, index);
    throw error;
  }
  const broken = (await listInvalidIndexes(sql)).filter((name) => !before.includes(name));
  if (broken.length === 0) return;
  throw fileFailure(
    migration,
    `it left the invalid index ${broken.join(", ")}, nothing was recorded; drop it, fix the file`,
  );
}

/** Drops what a failed build has left, unless the session is lost or somebody is in the way for long. */
async function cleanUp({ sql, report }: Run, index: ConcurrentIndex): Promise<void> {
  try {
    await sql.unsafe("set lock_timeout = '2s'");
    await dropUnfinishedIndex(sql, index);
  } catch {
    report.note(`What there is of index "${index.name}" stays until the next run drops it`);
  }
}

/** Whether an earlier run has finished the index; what such a run has left unfinished is dropped. */
async function isAlreadyThere({ sql, report }: Run, migration: Migration, index: ConcurrentIndex): Promise<boolean> {
  const state = await readIndexState(sql, index);
  if (state === "building") {
    const finding = `another session is building index "${index.name}", nothing was recorded`;
    throw fileFailure(migration, `${finding}; wait for it to end`);
  }
  if (state === "invalid") {
    await dropUnfinishedIndex(sql, index);
    report.note(`Dropped the unfinished index "${index.name}" of an earlier attempt`);
  }
  if (state !== "valid") return false;
  if (!await isSameIndex(sql, index)) {
    const finding = `there is another index "${index.name}", nothing was recorded`;
    throw fileFailure(migration, `${finding}; rename or drop it`);
  }
  report.note(`Index "${index.name}" is already there as ${migration.name} makes it`);
  return true;
}

/** The index that a CREATE INDEX CONCURRENTLY makes. */
export interface ConcurrentIndex {
  /** Its name, unquoted. */
  readonly name: string;
  /** Its table, as it is written. */
  readonly table: string;
  /** Whether it is UNIQUE. */
  readonly unique: boolean;
  /** What stands behind the table: method, columns, options. */
  readonly definition: string;
}

const NAME = '(?:"(?:[^"]|"")+"|[\\w$\\u0080-\\uffff]+)';
const CREATE = new RegExp(
  `^create\\s+(?<unique>unique\\s+)?index\\s+concurrently\\s+(?:if\\s+not\\s+exists\\s+)?(?<name>${NAME})\\s+` +
    `on\\s+(?<table>${NAME}(?:\\s*\\.\\s*${NAME})?)(?<definition>[^]*?);?\\s*$`,
  "i",
);

/** The index that a statement makes; undefined for any other statement. */
export function parseConcurrentIndex(statement: string): ConcurrentIndex | undefined {
  const groups = CREATE.exec(statement)?.groups;
  if (!groups) return undefined;
  const { name, table, definition } = groups;
  const plain = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
  return { name: plain, table, unique: groups.unique !== undefined, definition };
}

/** What is there under an index's name: nothing, a finished index, or what a failed or running build has left. */
type IndexState = "absent" | "valid" | "invalid" | "building";

/** The state of an index on its table. */
async function readIndexState(sql: Sql, { name, table }: ConcurrentIndex): Promise<IndexState> {
  const [row] = await sql.unsafe<{ state: IndexState }[]>(
    `select case when i.indisvalid then 'valid'
        when exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid) then 'building'
        else 'invalid' end as state
      from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = to_regclass($1) and c.relname = $2`,
    [table, name],
  );
  return row?.state ?? "absent";
}

/** Drops what an unfinished build has left; a finished index stays. */
async function dropUnfinishedIndex(sql: Sql, index: ConcurrentIndex): Promise<void> {
  if (await readIndexState(sql, index) !== "invalid") return;
  const [{ statement }] = await sql.unsafe<{ statement: string }[]>(
    `select format('drop index concurrently %I.%I', n.nspname, c.relname) as statement
      from pg_class t join pg_namespace n on n.oid = t.relnamespace join pg_class c on c.relnamespace = n.oid
      where t.oid = to_regclass($1) and c.relname = $2`,
    [index.table, index.name],
  );
  await sql.unsafe(statement);
}

/** Names of the indexes that no query uses, because their build did not finish. */
async function listInvalidIndexes(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ name: string }[]>(
    `select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where not i.indisvalid and c.relkind = 'i' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Whether the finished index of that name is the one that the statement would make; asked of an empty copy of its table. */
async function isSameIndex(sql: Sql, { name, table, unique, definition }: ConcurrentIndex): Promise<boolean> {
  try {
    const rows = await withRollback(sql, "", async (tx) => {
      await tx.unsafe(`create temp table migration_probe (like ${table})`);
      const create = `create ${unique ? "unique" : ""} index migration_probe_index`;
      await tx.unsafe(`${create} on pg_temp.migration_probe ${definition}`);
      return await tx.unsafe(
        `select i.indisunique, substring(pg_get_indexdef(i.indexrelid) from ' USING .*') as definition
          from pg_index i join pg_class c on c.oid = i.indexrelid
          where (i.indrelid = to_regclass($1) and c.relname = $2)
            or i.indexrelid = to_regclass('pg_temp.migration_probe_index')`,
        [table, name],
      );
    });
    return rows.length === 2 && JSON.stringify(rows[0]) === JSON.stringify(rows[1]);
  } catch {
    return false;
  }
}
