import { type Args, type TaskSpec, usageError } from "./lib/task/args.ts";
import { openCatalog } from "./lib/analytics/catalog.ts";
import { formatQueryList, type NamedQuery, parseQueries, pickQueries } from "./lib/analytics/queries.ts";
import { type Asked, formatParameters, parseParameters, requireTaken } from "./lib/analytics/parameters.ts";
import { parseOwnQuery } from "./lib/analytics/own_query.ts";
import { fromCaller, readExportDir } from "./lib/task/settings.ts";
import { type Format, formatCsv, formatRows, FORMATS } from "./lib/analytics/format.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

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
    return report.result([...formatQueryList(known), "", ...formatParameters(known)]);
  }
  using catalog = await openCatalog(fromCaller(args.text("dir")) ?? readExportDir(), signal, {
    queries,
    asked,
    progress: report.progress,
  });
  for (const query of queries) {
    const result = await catalog.query(query);
    if (format === "csv") report.data(formatCsv(result));
    else if (queries.length === 1) report.result(formatRows(result, format));
    else report.result([...headingOf(query, format), ...formatRows(result, format), ""]);
  }
}

function headingOf({ name, description }: NamedQuery, format: Format): string[] {
  return format === "md" ? [`## ${name}: ${description}`, ""] : [`-- ${name}: ${description}`];
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
