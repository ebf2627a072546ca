import { normalizeCheck } from "./check_definition.ts";
import type { Sql } from "./postgres.ts";
import { byKindAndName, type SchemaObject } from "./schema.ts";
import { SCHEMA_QUERY } from "./schema_query.ts";

/** Runs several statements as one, outside of any transaction, and gives the rows of the last. */
export type RunStatements = (text: string) => Promise<readonly unknown[]>;

/** The objects of a server's public schema, sorted by kind and name; the session must be outside of a transaction. */
export async function readSchema(sql: Sql): Promise<SchemaObject[]> {
  return await readSchemaThrough(async (text) => (await sql.unsafe(text) as unknown as unknown[][]).at(-1)!);
}

/** The same, for a database that is not reached through postgres.js. */
export async function readSchemaThrough(run: RunStatements): Promise<SchemaObject[]> {
  const rows = await run(SCHEMA_QUERY) as readonly SchemaObject[];
  return rows.map(({ kind, table, name, definition }) => ({
    kind,
    table,
    name,
    definition: kind === "constraint" ? normalizeCheck(definition) : definition,
  })).sort(byKindAndName);
}
