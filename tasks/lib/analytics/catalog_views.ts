import { literal, quote } from "../parquet/duckdb.ts";
import { type Asked, PARAMETER_NAMES, PARAMETERS } from "./parameters.ts";

/** The views of one dataset in catalog.sql, which begin with a line `-- dataset: NAME`. */
interface Section {
  /** Name of the dataset; undefined for what stands before the first. */
  readonly dataset: string | undefined;
  readonly sql: string;
}

/** The pattern in a section that stands for its dataset's files. */
const PATTERN = /'data\/exports\/[^']*'/g;

/** The catalog's SQL with a list of files in place of each pattern: no character of a path is taken for a wildcard.
 *
 * Views of datasets without files are left out; a dataset without a section has a view of its own name.
 */
export function catalogOver(catalog: string, files: ReadonlyMap<string, readonly string[]>): string {
  const sections = sectionsOf(catalog);
  const others = [...files.keys()].filter((name) => !sections.some(({ dataset }) => dataset === name));
  return [...sections, ...others.map(plainSection)].map(({ dataset, sql }) => {
    if (dataset === undefined) return sql;
    const paths = files.get(dataset) ?? [];
    if ([...sql.matchAll(PATTERN)].length !== 1) throw new Error(`catalog.sql must name the files of ${dataset} once`);
    return paths.length === 0 ? "" : sql.replace(PATTERN, () => `[${paths.map(literal).join(", ")}]`);
  }).join("");
}

/** The view of a dataset that catalog.sql does not know: its rows, with lane and day. */
function plainSection(dataset: string): Section {
  const sql = `create view ${quote(dataset)} as
    select * exclude (filename, dt), regexp_extract(filename, '([^/\\\\.]+)\\.[^/\\\\]+[/\\\\]dt=', 1) as lane, cast(dt as date) as dt
    from read_parquet('data/exports/x', hive_partitioning = true, union_by_name = true, filename = true);\n`;
  return { dataset, sql };
}

/** The view of catalog.sql that has what is asked about. */
const ASKED = /^create or replace view asked as\nselect\n[^;]*;$/m;

/** The catalog's SQL with what is asked about in its view `asked`: its views have those rows alone. */
export function catalogAsking(catalog: string, asked: Asked): string {
  const text = catalog.replaceAll("\r\n", "\n");
  if (!ASKED.test(text)) throw new Error("catalog.sql must make the view asked");
  return text.replace(ASKED, () => askedView(asked));
}

function askedView(asked: Asked): string {
  const columns = PARAMETER_NAMES.map((name) => {
    const value = asked[name];
    const type = PARAMETERS[name].type === "day" ? "date" : "varchar";
    return `  cast(${value === undefined ? "null" : literal(value)} as ${type}) as ${name}`;
  });
  return `create or replace view asked as\nselect\n${columns.join(",\n")};`;
}

function sectionsOf(catalog: string): Section[] {
  const [head, ...rest] = catalog.replaceAll("\r\n", "\n").split(/^-- dataset: (\w+)\n/m);
  const sections: Section[] = [{ dataset: undefined, sql: head }];
  for (let i = 0; i < rest.length; i += 2) sections.push({ dataset: rest[i], sql: rest[i + 1] });
  return sections;
}
