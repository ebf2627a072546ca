import { askedView } from "./catalog_views.ts";
import type { Asked } from "./parameters.ts";
import type { NamedQuery } from "./queries.ts";

/** Lines for a shell that ask native DuckDB the same of a lake, from the project's root. */
export function nativeCommand(
  directory: string,
  { queries, asked }: { readonly queries: readonly Pick<NamedQuery, "name" | "sql">[]; readonly asked: Asked },
): string[] {
  const place = `${directory.replace(/\/$/, "")}/`.replaceAll("'", "''").replace(/[#&\\]/g, "\\$&");
  const catalog = `sed ${shellQuoted(`s#data/exports/#${place}#`)} analytics/catalog.sql`;
  const view = Object.keys(asked).length === 0 ? "" : ` -cmd ${shellQuoted(askedView(asked).replaceAll("\n", " "))}`;
  const texts = queries.map(({ name, sql }) =>
    name === "--sql"
      ? `echo ${shellQuoted(sql.replaceAll("\n", " "))}`
      : `sed -n '/^-- name: ${name}$/,/;$/p' analytics/queries.sql`
  );
  return texts.map((text) => `  ${text} | duckdb -init <(${catalog})${view}`);
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
