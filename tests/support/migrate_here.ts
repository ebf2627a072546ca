import { openDatabase } from "../../tasks/lib/postgres/database.ts";
import { readMigrations } from "../../tasks/lib/migration/files.ts";
import { migrate, type MigrateResult } from "../../tasks/lib/migration/run.ts";
import type { Run } from "../../tasks/lib/migration/session.ts";
import type { Sql } from "../../tasks/lib/postgres/connection.ts";
import { openReport, type Report } from "../../tasks/lib/task/console.ts";
import { parseDatabaseUrl } from "../../tasks/lib/task/target.ts";

/** A report that prints nothing. */
const SILENT: Report = { ...openReport({ quiet: true }), warn: () => {}, note: () => {} };

/** A run on a session, without a word and without waiting. */
export function runOn(sql: Sql, { isPooled = false }: { readonly isPooled?: boolean } = {}): Run {
  return { sql, label: "db", local: true, isPooled: () => Promise.resolve(isPooled), report: SILENT };
}

/** Applies migration files, by name, to a database in this process. */
export async function migrateHere(
  url: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<MigrateResult> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-migrate-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeFile(`${directory}/${name}`, typeof text === "string" ? new TextEncoder().encode(text) : text);
    }
    await using database = await openDatabase(parseDatabaseUrl(url), { report: SILENT });
    return await migrate(database, await readMigrations(directory), { report: SILENT, waitMs: 0 });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
