import { createBlockPool } from "../../tasks/lib/copy/block_pool.ts";
import { withPostgresSources } from "../../tasks/lib/sources/postgres.ts";
import type { Sql } from "../../tasks/lib/postgres/connection.ts";
import type { Source } from "../../tasks/lib/dataset/source.ts";
import { CHECKS } from "./checks.ts";

/** Gives the table `checks` of a session's database to `use`, as an export does; it is called me@host:5432/db in errors. */
export async function withChecks<T>(
  sql: Sql,
  use: (source: Source) => Promise<T>,
  patience: { readonly idleMs: number; readonly startMs: number } = { idleMs: 60_000, startMs: 60_000 },
): Promise<T> {
  return await withPostgresSources(sql, {
    tables: [{ dataset: CHECKS, onUnlisted: () => {} }],
    origin: { host: "127.0.0.1", port: 5432 },
    patience: { label: "me@host:5432/db", ...patience },
    range: {},
    blocks: createBlockPool(),
  }, ([source]) => use(source!));
}
