import type { Sql } from "../postgres/connection.ts";

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
export type IndexState = "absent" | "valid" | "invalid" | "building";

/** The state of an index on its table. */
export async function readIndexState(sql: Sql, { name, table }: ConcurrentIndex): Promise<IndexState> {
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
export async function dropUnfinishedIndex(sql: Sql, index: ConcurrentIndex): Promise<boolean> {
  if (await readIndexState(sql, index) !== "invalid") return false;
  const [{ statement }] = await sql.unsafe<{ statement: string }[]>(
    `select format('drop index concurrently %I.%I', n.nspname, c.relname) as statement
      from pg_class t join pg_namespace n on n.oid = t.relnamespace join pg_class c on c.relnamespace = n.oid
      where t.oid = to_regclass($1) and c.relname = $2`,
    [index.table, index.name],
  );
  await sql.unsafe(statement);
  return true;
}

/** Names of the indexes that no query uses, because their build did not finish. */
export async function listInvalidIndexes(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ name: string }[]>(
    `select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where not i.indisvalid and c.relkind = 'i' order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** Whether the finished index of that name is the one that the statement would make; asked of an empty copy of its table. */
export async function isSameIndex(sql: Sql, index: ConcurrentIndex): Promise<boolean> {
  const nothingStays = new Error("rolled back");
  let same = false;
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(`create temp table migration_probe (like ${index.table})`);
      const unique = index.unique ? "unique" : "";
      await tx.unsafe(`create ${unique} index migration_probe_index on pg_temp.migration_probe ${index.definition}`);
      const rows = await tx.unsafe(
        `select i.indisunique, substring(pg_get_indexdef(i.indexrelid) from ' USING .*') as definition
          from pg_index i join pg_class c on c.oid = i.indexrelid
          where (i.indrelid = to_regclass($1) and c.relname = $2)
            or i.indexrelid = to_regclass('pg_temp.migration_probe_index')`,
        [index.table, index.name],
      );
      same = rows.length === 2 && JSON.stringify(rows[0]) === JSON.stringify(rows[1]);
      throw nothingStays;
    });
  } catch (error) {
    if (error !== nothingStays) return false;
  }
  return same;
}
