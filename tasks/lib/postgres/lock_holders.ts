import type { Sql } from "./connection.ts";

/** The other sessions that hold locks on tables, the oldest transaction first, for a message. */
export async function nameLockHolders(sql: Sql): Promise<string> {
  const rows = await sql.unsafe<{ holder: string }[]>(`
    select format('process %s (user %s, %s, %s on %s)', a.pid, a.usename, coalesce(a.state, 'unknown'),
        'since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
        string_agg(distinct l.relation::regclass::text, ', ')) as holder
    from pg_locks l join pg_stat_activity a using (pid) join pg_class c on c.oid = l.relation
    where l.granted and l.database = (select oid from pg_database where datname = current_database())
      and c.relkind in ('r', 'p', 'm') and c.relnamespace <> 'pg_catalog'::regnamespace and a.pid <> pg_backend_pid()
    group by a.pid, a.usename, a.state, a.xact_start order by a.xact_start limit 3`);
  // Where a statement has failed behind its first rows, the library begins the next result with as many holes.
  return rows.flatMap(({ holder }) => holder).join("; ") || "a session that has ended since";
}
