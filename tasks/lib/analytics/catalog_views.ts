import { literal } from "../parquet/quote.ts";
import { type Asked, PARAMETER_NAMES, PARAMETERS } from "./parameters.ts";

/** One view of catalog.sql. */
export interface CatalogView {
  /** Its name. */
  readonly name: string;
  /** The dataset of its section, which begins with a line `-- dataset: NAME`; undefined before the first. */
  readonly dataset: string | undefined;
  /** The statement that makes it. */
  readonly sql: string;
}

/** The part of catalog.sql with the views of one dataset. */
interface Section {
  /** Name of the dataset; undefined for what stands before the first. */
  readonly dataset: string | undefined;
  readonly sql: string;
}

const VIEW = /^create or replace view (\w+) as\n[^]*?;$/gm;
/** The view in a section that reads its dataset's files. */
const BASE = /^create or replace view (\w+) as\nselect\n[^;]*'data\/exports\/[^;]*;$/m;

/** The views of a catalog, in its order, and one of its own name for each of these datasets that it does not know. */
export function viewsOf(catalog: string, datasets: Iterable<string>): CatalogView[] {
  return sectionsOf(catalog, datasets).flatMap(({ dataset, sql }) =>
    [...sql.matchAll(VIEW)].map(([statement, name]) => ({ name, dataset, sql: statement }))
  );
}

/** Name of the view that a statement makes of files; undefined for any other statement. */
export function baseViewOf(sql: string): string | undefined {
  return BASE.exec(sql)?.[1];
}

/** The catalog's SQL with what `sources` makes of each dataset in place of the view of its files, and `views` alone of the
 * others; with `asTables`, those with window functions, which are costly to make, are made once.
 *
 * Views of datasets that are not in `sources` are left out.
 */
export function catalogOver(
  catalog: string,
  { sources, views, asTables }: {
    readonly sources: ReadonlyMap<string, string>;
    readonly views: ReadonlySet<string>;
    readonly asTables: boolean;
  },
): string {
  return sectionsOf(catalog, sources.keys()).map(({ dataset, sql }) => {
    const source = dataset === undefined ? "" : sources.get(dataset);
    if (source === undefined) return "";
    return sql.replace(VIEW, (statement, name) => {
      if (baseViewOf(statement)) return source;
      if (!views.has(name)) return "";
      return asTables && /\bover\s*\(/.test(statement) ? statement.replace(" view ", " table ") : statement;
    });
  }).join("");
}

/** The view of a dataset that catalog.sql does not know. */
function plainSection(dataset: string): Section {
  return { dataset, sql: `create or replace view ${dataset} as\nselect\n* from 'data/exports/';\n` };
}

/** The view of catalog.sql that has what is asked about. */
const ASKED = /^create or replace view asked as\nselect\n[^;]*;$/m;

/** The catalog's SQL with what is asked about in its view `asked`: its views have those rows alone. */
export function catalogAsking(catalog: string, asked: Asked): string {
  const text = catalog.replaceAll("\r\n", "\n");
  if (!ASKED.test(text)) throw new Error("catalog.sql must make the view asked");
  return text.replace(ASKED, () => askedView(asked));
}

/** The statement that makes the view of what is asked about. */
export function askedView(asked: Asked): string {
  const columns = PARAMETER_NAMES.map((name) => {
    const value = asked[name];
    const type = PARAMETERS[name].type === "day" ? "date" : "varchar";
    return `  cast(${value === undefined ? "null" : literal(value)} as ${type}) as ${name}`;
  });
  return `create or replace view asked as\nselect\n${columns.join(",\n")};`;
}

/** Sections of a catalog, and one for each of these datasets that has none.
 *
 * Errors: Error for a section that does not make one view of its dataset's files.
 */
function sectionsOf(catalog: string, datasets: Iterable<string>): Section[] {
  const [head, ...rest] = catalog.replaceAll("\r\n", "\n").split(/^-- dataset: (\w+)\n/m);
  const sections: Section[] = [{ dataset: undefined, sql: head }];
  for (let i = 0; i < rest.length; i += 2) sections.push({ dataset: rest[i], sql: rest[i + 1] });
  for (const { dataset, sql } of sections.slice(1)) {
    const bases = [...sql.matchAll(VIEW)].filter(([statement]) => baseViewOf(statement) === dataset);
    if (bases.length !== 1) throw new Error(`catalog.sql must make one view ${dataset} of its files`);
  }
  const known = new Set(sections.map(({ dataset }) => dataset));
  return [...sections, ...[...datasets].filter((name) => !known.has(name)).map(plainSection)];
}
