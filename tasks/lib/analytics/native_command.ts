import { askedView } from "./catalog_views.ts";
import type { Asked } from "./parameters.ts";
import type { NamedQuery } from "./queries.ts";

/** What is to be asked. */
interface NativeQuestion {
  readonly queries: readonly Pick<NamedQuery, "name" | "sql">[];
  readonly asked: Asked;
  /** Datasets that the lake has files of; views of others would fail. */
  readonly datasets: Iterable<string>;
}

/** Lines for bash that ask native DuckDB the same of a lake, from the project's root. */
export function nativeCommand(directory: string, { queries, asked, datasets }: NativeQuestion): string[] {
  const place = `${directory.replace(/\/$/, "")}/`.replaceAll("'", "''").replace(/[#&\\]/g, "\\$&");
  const sections = shellQuoted(`/^-- dataset: / {off = $3 !~ /^(${[...datasets].join("|")})$/} !off`);
  const catalog = `awk ${sections} analytics/catalog.sql | sed ${shellQuoted(`s#data/exports/#${place}#`)}`;
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
