import { normalizeCheck } from "./check_definition.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import { type CommentedTable, type DroppedCheck, parseDroppedChecks } from "./dropped_checks.ts";
import type { Sql } from "../postgres/connection.ts";
import type { ScratchDatabase } from "../postgres/embedded.ts";
import { type ActualSchema, byKindAndName, type SchemaObject } from "./schema.ts";
import { SCHEMA_QUERY } from "./query.ts";
import { nameLockHolders } from "../postgres/lock_holders.ts";
import { serverErrorOf } from "../postgres/server_error.ts";

/** The objects of a server's public schema, sorted by kind and name; the session must be outside of a transaction.
 *
 * Errors: TaskError (exit 5) naming the sessions with locks where a table is locked for longer than two seconds.
 */
export async function readSchema(sql: Sql): Promise<SchemaObject[]> {
  try {
    return await readSchemaThrough(async (text) => (await sql.unsafe(text) as unknown as unknown[][]).at(-1)!);
  } catch (error) {
    if (serverErrorOf(error).code !== "55P03") throw error;
    throw new TaskError(
      `Cannot read schema "public": a table is locked by ${await nameLockHolders(sql)}; ` +
        "wait for these sessions to end, and run it again",
      EXIT.locked,
      { cause: error },
    );
  }
}

/** The same, for a database that is not reached through postgres.js. */
export async function readSchemaThrough(run: ScratchDatabase["run"]): Promise<SchemaObject[]> {
  const rows = await run(SCHEMA_QUERY) as readonly SchemaObject[];
  return rows.map(({ kind, table, name, definition, binding }) => ({
    kind,
    table,
    name,
    definition: kind === "constraint" ? normalizeCheck(definition) : definition,
    binding,
  })).sort(byKindAndName);
}

/** Everything that is compared of a server; the session must be outside of a transaction. */
export async function readActualSchema(sql: Sql): Promise<ActualSchema> {
  return { objects: await readSchema(sql), droppedChecks: await readDroppedChecks(sql) };
}

/** The checks that comments of the public schema's tables call dropped, and that are not there; the session must be
 * outside of a transaction. */
export async function readDroppedChecks(sql: Sql): Promise<DroppedCheck[]> {
  const results = await sql.unsafe(`
    set local quote_all_identifiers = off;
    select quote_ident(relname) as table, obj_description(oid, 'pg_class') as comment,
      array(select quote_ident(conname) from pg_constraint where conrelid = c.oid) as constraints
    from pg_class c
    where relnamespace = to_regnamespace('public') and relkind in ('r', 'p')
      and obj_description(oid, 'pg_class') like '%Dropped check: %'
    order by 1`);
  return (results as unknown as CommentedTable[][]).at(-1)!.flatMap(parseDroppedChecks);
}
