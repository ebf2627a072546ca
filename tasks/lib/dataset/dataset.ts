import { TaskError } from "../task/errors.ts";

/** How a column's values are laid out in memory, one per Arrow type in use. */
export type Layout = "text" | "uuid" | "int64" | "int32" | "float64" | "bool" | "decimal" | "timestamp" | "date";

/** One column of a dataset, with the one type it has in every file. */
export interface Column {
  /** Name in the file. */
  readonly name: string;
  /** Type in the Postgres SELECT, for example "numeric(20,0)". */
  readonly postgresType: string;
  /** Type in DuckDB, and so in Parquet. */
  readonly duckdbType: string;
  /** How its values are decoded. */
  readonly layout: Layout;
  /** Total digits of a decimal, otherwise 0. */
  readonly precision: number;
  /** Digits after the point of a decimal, otherwise 0. */
  readonly scale: number;
  /** Whether it leaves as NULL. */
  readonly isRedacted?: true;
}

/** A dataset as its Postgres SELECT defines it, and the head of that file. */
export interface Dataset {
  /** For example "requests": a lane holds one dataset, and its files bear its name. */
  readonly name: string;
  /** The file that defines it. */
  readonly file: string;
  /** Whether its lanes bear the environment's name alone, without its own. */
  readonly isPlain: boolean;
  /** Its table, with the schema. */
  readonly table: string;
  /** Column whose UTC day is a row's day. */
  readonly day: Column;
  /** Column of the table that tells its rows apart. */
  readonly key: string;
  /** What a row is called in messages, and the column that names it. */
  readonly label: { readonly noun: string; readonly column: string };
  /** Columns that put rows of several sources in order; they are never redacted. */
  readonly sort: readonly string[];
  /** Columns of the table that do not leave. */
  readonly leftOut: readonly string[];
  /** Whether its rows can come from several kinds of source: then they say which, in the column "source". */
  readonly hasSources: boolean;
  /** In file order. */
  readonly columns: readonly Column[];
  /** The SELECT, without a final semicolon. */
  readonly select: string;
  /** Columns of the table that the SELECT reads. */
  readonly sourceColumns: readonly string[];
  /** Types that columns of the table are cast to as they stand, outside of any expression. */
  readonly casts: ReadonlyMap<string, string>;
}

const TYPES: Readonly<Record<string, { layout: Layout; duckdbType: string }>> = {
  "uuid": { layout: "uuid", duckdbType: "VARCHAR" },
  "text": { layout: "text", duckdbType: "VARCHAR" },
  "bigint": { layout: "int64", duckdbType: "BIGINT" },
  "integer": { layout: "int32", duckdbType: "INTEGER" },
  "double precision": { layout: "float64", duckdbType: "DOUBLE" },
  "boolean": { layout: "bool", duckdbType: "BOOLEAN" },
  "timestamptz": { layout: "timestamp", duckdbType: "TIMESTAMP WITH TIME ZONE" },
  "date": { layout: "date", duckdbType: "DATE" },
};

const COLUMN_LINE =
  /^\s*(?!--)(?<expression>\S.*)::(?<type>[a-z][a-z ]*(\(\d+,\s*\d+\))?) as (?<name>"\w+"|[a-z_]\w*),?$/;

/** A column of the table; its name is in either group. */
const SOURCE_COLUMN = /\bc\.(?:"(\w+)"|(\w+))/g;

/** What a file declares above its SELECT, each in a comment of its own. */
const DECLARATIONS = {
  table: /^[a-z_]\w*\.[a-z_]\w*$/,
  day: /^\w+$/,
  key: /^\w+$/,
  label: /^\w+ [\w ]+$/,
  sort: /^\w+(, \w+)*$/,
};

/** The dataset that a file defines: its head declares table, day, key, label and sort, its SELECT has one
 * `<expression>::<type> as <name>` a line. "lane: ENV" in the head leaves its name out of its lanes', and
 * "left out" names columns that are not missing from the SELECT by mistake.
 *
 * Errors: TaskError naming the declaration that is missing or names no column, the line that is not of that form, or the
 * column whose type has no Parquet mapping.
 */
export function parseDataset(name: string, file: string, text: string): Dataset {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim() === "select");
  const end = lines.findIndex((line) => line.startsWith("from "));
  const fail = (finding: string) => new TaskError(`Cannot export "${name}": ${finding}`);
  if (start < 0 || end < start) throw fail(`${file} has no "select" and "from" line`);
  const declared = (what: string) => declarationIn(lines.slice(0, start), what);
  const head = Object.fromEntries(
    Object.entries(DECLARATIONS).map(([what, form]) => {
      const text = declared(what);
      if (text !== undefined && form.test(text)) return [what, text];
      throw fail(`${file} does not declare its ${what}; write a line "-- ${what}: ..." above the SELECT`);
    }),
  ) as Record<keyof typeof DECLARATIONS, string>;
  const casts = new Map<string, string>();
  const columns = lines.slice(start + 1, end).map((line, index): Column => {
    const match = COLUMN_LINE.exec(line)?.groups;
    const at = `${file}:${start + index + 2}`;
    if (!match) throw fail(`${at} is not "<expression>::<type> as <name>"; write one column a line`);
    const [plain] = [...match.expression.matchAll(SOURCE_COLUMN)].filter(([text]) => text === match.expression);
    if (plain) casts.set(plain[1] ?? plain[2], match.type);
    const column = match.name.replaceAll('"', "");
    const found = toColumn(column, match.type);
    if (found !== undefined) return found;
    throw fail(`column "${column}" has type ${match.type}, which has no Parquet mapping; cast it in ${file}`);
  });
  const select = lines.slice(start).join("\n").trim().replace(/;$/, "");
  const sourceColumns = [...select.matchAll(SOURCE_COLUMN)].map((match) => match[1] ?? match[2]);
  const [column, ...noun] = head.label.split(" ");
  const sort = head.sort.split(", ");
  for (const wanted of [head.day, column, ...sort]) {
    if (columns.some(({ name }) => name === wanted)) continue;
    throw fail(`${file} declares column "${wanted}", which its SELECT does not have`);
  }
  if (sort[0] !== head.day) throw fail(`${file} sorts by "${sort[0]}" first; begin with the day, ${head.day}`);
  const day = columns.find(({ name }) => name === head.day)!;
  if (day.layout !== "timestamp" && day.layout !== "date") {
    throw fail(`column "${day.name}" gives no day; cast it to timestamptz or date`);
  }
  return {
    name,
    file,
    isPlain: declared("lane") === "ENV",
    table: head.table,
    day,
    key: head.key,
    label: { noun: noun.join(" "), column },
    sort,
    leftOut: declared("left out")?.split(", ") ?? [],
    hasSources: columns.some(({ name }) => name === "source"),
    columns,
    select,
    sourceColumns,
    casts,
  };
}

/** The text of one declaration above a SELECT: `-- table: public.things`. */
function declarationIn(lines: readonly string[], what: string): string | undefined {
  const start = `-- ${what}: `;
  return lines.find((line) => line.startsWith(start))?.slice(start.length).trim();
}

/** A dataset's columns in the order of a tuple's fields: first the one that the day is read from. */
export function fieldOrder({ columns, day }: Pick<Dataset, "columns" | "day">): readonly Column[] {
  return [day, ...columns.filter(({ name }) => name !== day.name)];
}

/** Undefined for a type without a Parquet mapping. */
function toColumn(name: string, type: string): Column | undefined {
  const [precision, scale] = /^numeric\((\d+),\s*(\d+)\)$/.exec(type)?.slice(1).map(Number) ?? [0, 0];
  if (precision > 0 && precision <= 38) {
    const duckdbType = `DECIMAL(${precision},${scale})`;
    return { name, postgresType: type, duckdbType, layout: "decimal", precision, scale };
  }
  const known = TYPES[type];
  return known && { name, postgresType: type, ...known, precision: 0, scale: 0 };
}
