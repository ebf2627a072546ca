import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { REPORT_QUERIES } from "../tasks/lib/analytics/page.ts";
import type { Case } from "./cases.ts";
import { type CaseContext, script } from "./export_cases.ts";
import { fillHarness } from "./harness.ts";
import { measure, type Sample } from "./measure.ts";

/** The page goes below data, where its task may write. */
const PAGE = fileURLToPath(new URL("../data/bench-report.html", import.meta.url));

/** Files of the lake of many small ones, and rows of each. */
const MANY = { files: 800, rows: 25 };

/** Queries and the report over the lake, and over one of many small files, against native DuckDB on one thread. */
export async function analyticsCases(
  context: CaseContext,
  { scratch, lake }: { readonly scratch: string; readonly lake: string },
): Promise<Case[]> {
  const [sqlite, many] = ["many.sqlite", "many"].map((name) => join(scratch, name));
  const rows = fillHarness(sqlite, MANY.files * MANY.rows, MANY.files);
  await context.server.task("export", "--from", "sqlite", "--sqlite", sqlite, "--out", many);
  return [
    ...casesOf(context, { id: "", lake, rows: context.rows }),
    ...casesOf(context, { id: "many ", lake: many, rows }),
  ];
}

interface Lake {
  /** What its cases' ids begin with. */
  readonly id: string;
  readonly lake: string;
  readonly rows: number;
}

function casesOf({ server, signal }: CaseContext, { id, lake, rows }: Lake): Case[] {
  const native = (queries: readonly string[]) =>
    measure({ program: Deno.execPath(), args: script("peers/duckdb_queries.ts", lake, ...queries), signal });
  const pair = (name: string, ours: () => Promise<Sample>, queries: readonly string[]): Case[] => [
    {
      id: `${id}native ${name}`,
      name: `native DuckDB, one thread: ${id}${name}`,
      rows,
      against: [],
      run: () => native(queries),
    },
    { id: `${id}${name}`, name: `deno task: ${id}${name}`, rows, against: [`${id}native ${name}`], run: ours },
  ];
  const query = (name: string) => pair(name, () => server.task("analytics", name, "--dir", lake), [name]);
  return [
    ...query("overview"),
    ...query("totals"),
    ...pair("report", () => server.task("report", "--dir", lake, "--out", PAGE), REPORT_QUERIES),
  ];
}
