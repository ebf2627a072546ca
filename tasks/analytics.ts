import { type Args, type TaskSpec, usageError } from "./lib/task/args.ts";
import { openCatalog } from "./lib/analytics/catalog.ts";
import { formatQueryList, type NamedQuery, parseQueries, pickQueries } from "./lib/analytics/queries.ts";
import { type Asked, formatParameters, parseParameters, requireTaken } from "./lib/analytics/parameters.ts";
import { parseOwnQuery } from "./lib/analytics/own_query.ts";
import { fromCaller, readExportDir } from "./lib/task/settings.ts";
import { type Format, formatCsv, formatRows, FORMATS } from "./lib/analytics/format.ts";
import type { QueryResult } from "./lib/parquet/duckdb.ts";
import type { Report } from "./lib/task/console.ts";
import { countOf } from "./lib/task/plural.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";
import { wrapLines } from "./lib/task/wrap.ts";

const QUERIES = new URL("../analytics/queries.sql", import.meta.url);

const SPEC: TaskSpec = {
  name: "analytics",
  summary: "Run named queries of analytics/queries.sql over the exports; without a name, list them.",
  positionals: "[NAME...]",
  flags: {
    list: { type: "boolean", help: "list the queries" },
    sql: {
      type: "string",
      value: "SELECT",
      help: "run one SELECT, DESCRIBE, SUMMARIZE or SHOW TABLES over the views of analytics/catalog.sql",
    },
    param: {
      type: "string",
      value: "NAME=VALUE",
      multiple: true,
      help: "ask about some rows: model, env, claim, since or until; --list tells what each takes",
    },
    since: { type: "string", value: "DAY", help: "rows from this UTC day on, YYYY-MM-DD" },
    until: { type: "string", value: "DAY", help: "rows up to this UTC day" },
    limit: {
      type: "string",
      value: "N",
      help: "print the first N rows (default 100 in a table on a terminal, else all)",
    },
    format: { type: "string", value: "FORMAT", help: "table (default), csv, json or md; csv and json take one query" },
    dir: { type: "string", value: "DIR", help: "the exports to read (default EXPORT_DIR)" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function analytics({ args, report, signal }: TaskContext): Promise<void> {
  const known = parseQueries(await Deno.readTextFile(QUERIES));
  const queries = chosenQueries(args, known);
  const format = chosenFormat(args, queries.length);
  const asked = askedFor(args);
  for (const query of queries) requireTaken(query, asked);
  if (args.has("list") || queries.length === 0) {
    const lines = [...formatQueryList(known), "", ...formatParameters(known)];
    return report.result(wrapLines(lines, report.columns));
  }
  const maxRows = args.count("limit", 1) ?? (format === "table" && report.columns ? TERMINAL_ROWS : Infinity);
  using catalog = await openCatalog(fromCaller(args.text("dir")) ?? readExportDir(), signal, {
    queries,
    asked,
    progress: report.progress,
  });
  for (const query of queries) {
    if (queries.length > 1) report.result(headingOf(query, { format, columns: report.columns }));
    printRows(await catalog.query(query), format, { maxRows, report });
    if (queries.length > 1) report.result("");
  }
}

/** Rows of a table on a terminal, unless `--limit` says otherwise. */
const TERMINAL_ROWS = 100;

function printRows(
  { rows, ...head }: QueryResult,
  format: Format,
  { maxRows, report }: { readonly maxRows: number; readonly report: Report },
): void {
  const shown = { ...head, rows: rows.slice(0, maxRows) };
  if (format === "table") {
    return report.table(formatRows(shown, format, { columns: report.columns, total: rows.length }));
  }
  if (format === "csv") report.data(formatCsv(shown));
  else report.result(formatRows(shown, format));
  if (rows.length > maxRows) report.note(`Printed ${maxRows} of ${countOf(rows.length, "row")}`);
}

function headingOf(
  { name, description }: NamedQuery,
  { format, columns }: { readonly format: Format; readonly columns: number | undefined },
): string[] {
  return format === "md" ? [`## ${name}: ${description}`, ""] : wrapLines([`-- ${name}: ${description}`], columns);
}

function chosenQueries(args: Args, known: readonly NamedQuery[]): NamedQuery[] {
  const sql = args.text("sql");
  const named = pickQueries(known, args.positionals);
  if (sql === undefined) return named;
  if (named.length > 0) throw usageError(SPEC, "--sql and query names exclude each other; give one of them");
  return [parseOwnQuery(sql)];
}

function askedFor(args: Args): Asked {
  const short = (["since", "until"] as const).flatMap((name) => {
    const value = args.text(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return parseParameters([...args.texts("param"), ...short]);
}

function chosenFormat(args: Args, count: number): Format {
  const given = args.text("format") ?? "table";
  const format = FORMATS.find((candidate) => candidate === given);
  if (!format) throw usageError(SPEC, `--format takes ${FORMATS.join(", ")}, not "${given}"`);
  if (count > 1 && (format === "csv" || format === "json")) {
    throw usageError(SPEC, `--format ${format} takes one query, not ${count}; run them one by one`);
  }
  return format;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, analytics);
