import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case } from "./cases.ts";
import { denoScript } from "./deno_script.ts";
import type { CaseContext } from "./export_cases.ts";
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
  const page = await queriesOfPage(context);
  return [
    ...casesOf(context, { id: "", lake, rows: context.rows, page }),
    ...casesOf(context, { id: "many ", lake: many, rows, page }),
  ];
}

/** Names of the queries of a page over a lake of checks alone; its modules need packages that are not those of this folder. */
async function queriesOfPage({ signal }: CaseContext): Promise<readonly string[]> {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const code = `import { PAGE_QUERIES } from "${root}tasks/lib/report/page.ts";
    console.log(PAGE_QUERIES.flatMap(({ query, dataset }) => dataset ? [] : query).join(" "));`;
  const args = ["eval", "-q", "--config", `${root}analytics/deno.json`, code];
  const { stdout } = await measure({ program: Deno.execPath(), args, signal });
  return stdout.trim().split(" ");
}

interface Lake {
  /** What its cases' ids begin with. */
  readonly id: string;
  readonly lake: string;
  readonly rows: number;
  /** Names of the page's queries. */
  readonly page: readonly string[];
}

function casesOf({ server, signal }: CaseContext, { id, lake, rows, page }: Lake): Case[] {
  const native = (queries: readonly string[]) =>
    measure({ program: Deno.execPath(), args: denoScript("peers/duckdb_queries.ts", lake, ...queries), signal });
  const pair = (name: string, ours: () => Promise<Sample>, queries: readonly string[]): Case[] => [
    {
      id: `${id}native ${name}`,
      name: `native DuckDB, one thread: ${id}${name}`,
      part: "query",
      rows,
      against: [],
      run: () => native(queries),
    },
    {
      id: `${id}${name}`,
      name: `deno task: ${id}${name}`,
      part: "query",
      rows,
      against: [`${id}native ${name}`],
      run: ours,
    },
  ];
  const query = (name: string) => pair(name, () => server.task("analytics", name, "--dir", lake), [name]);
  return [
    ...query("overview"),
    ...query("totals"),
    ...pair("report", () => server.task("report", "--dir", lake, "--out", PAGE), page),
  ];
}
