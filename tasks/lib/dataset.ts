import { TaskError } from "./errors.ts";

/** How a column's values are laid out in memory, one per Arrow type in use. */
export type Layout = "text" | "uuid" | "int64" | "int32" | "float64" | "bool" | "decimal" | "timestamp";

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
}

/** A dataset as its Postgres SELECT defines it. */
export interface Dataset {
  /** For example "checks". */
  readonly name: string;
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
};

const COLUMN_LINE =
  /^\s*(?!--)(?<expression>\S.*)::(?<type>[a-z][a-z ]*(\(\d+,\s*\d+\))?) as (?<name>"\w+"|[a-z_]\w*),?$/;

/** A column of the table; its name is in either group. */
const SOURCE_COLUMN = /\bc\.(?:"(\w+)"|(\w+))/g;

/** The dataset that a SELECT of one `<expression>::<type> as <name>` a line defines.
 *
 * Errors: TaskError naming the line that is not of that form, or the column whose type has no Parquet mapping.
 */
export function parseDataset(name: string, file: string, text: string): Dataset {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim() === "select");
  const end = lines.findIndex((line) => line.startsWith("from "));
  if (start < 0 || end < start) throw new TaskError(`Cannot export "${name}": ${file} has no "select" and "from" line`);
  const casts = new Map<string, string>();
  const columns = lines.slice(start + 1, end).map((line, index): Column => {
    const match = COLUMN_LINE.exec(line)?.groups;
    if (!match) {
      throw new TaskError(
        `Cannot export "${name}": ${file}:${
          start + index + 2
        } is not "<expression>::<type> as <name>"; write one column a line`,
      );
    }
    const [plain] = [...match.expression.matchAll(SOURCE_COLUMN)].filter(([text]) => text === match.expression);
    if (plain) casts.set(plain[1] ?? plain[2], match.type);
    return toColumn(name, file, match.name.replaceAll('"', ""), match.type);
  });
  const select = lines.slice(start).join("\n").trim().replace(/;$/, "");
  const sourceColumns = [...select.matchAll(SOURCE_COLUMN)].map((match) => match[1] ?? match[2]);
  return { name, columns, select, sourceColumns, casts };
}

function toColumn(dataset: string, file: string, name: string, type: string): Column {
  const decimal = /^numeric\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal && Number(decimal[1]) <= 38) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
    return {
      name,
      postgresType: type,
      duckdbType: `DECIMAL(${precision},${scale})`,
      layout: "decimal",
      precision,
      scale,
    };
  }
  const known = TYPES[type];
  if (known === undefined) {
    throw new TaskError(
      `Cannot export "${dataset}": column "${name}" has type ${type}, which has no Parquet mapping; cast it in ${file}`,
    );
  }
  return { name, postgresType: type, ...known, precision: 0, scale: 0 };
}
