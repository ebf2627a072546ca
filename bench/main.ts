import { join } from "node:path";
import type { Args, TaskSpec } from "../tasks/lib/task/args.ts";
import { runTask, type TaskContext } from "../tasks/lib/task/run.ts";
import { analyticsCases } from "./analytics_cases.ts";
import { type Case, type Result, runCases, type RunOptions } from "./cases.ts";
import { type CaseContext, exportCase, floorCase, peerCases, writeCases } from "./export_cases.ts";
import { describeMachine, hasPsql } from "./machine.ts";
import { type Server, type Size, startServer } from "./server.ts";
import { againCases, harnessCases, migrateCases } from "./small_cases.ts";
import { formatTable, toLine } from "./table.ts";

const SPEC: TaskSpec = {
  name: "bench",
  summary: "Measures exports against their floor and against what could be scripted instead, on a Postgres of its own.",
  flags: {
    rows: { type: "string", value: "N", help: "rows of checks, over 24 days (default 1000000)" },
    "sqlite-rows": { type: "string", value: "N", help: "rows of the harness file (default a tenth of --rows)" },
    repeat: { type: "string", value: "N", help: "rounds; the table shows medians (default 3)" },
    growth: { type: "boolean", help: "also a tenth, three tenths and three times the rows and days" },
    "one-day": { type: "boolean", help: "also three times the rows in one day" },
    markdown: { type: "string", value: "FILE", help: "write the tables to a file, too" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

const DAYS = 24;

/** What was measured at one size. */
interface Section {
  readonly size: Size;
  readonly results: readonly Result[];
}

async function bench({ args, report, signal }: TaskContext): Promise<void> {
  const rows = args.count("rows", 1000) ?? 1_000_000;
  const sqliteRows = args.count("sqlite-rows", 1) ?? Math.ceil(rows / 10);
  const scratch = await Deno.makeTempDir({ prefix: "heretix-bench-" });
  try {
    await using server = await startServer(signal);
    const psql = await hasPsql();
    if (!psql) report.warn("There is no psql on the PATH; postgres.js stands in for it");
    const options: RunOptions = { repeat: args.count("repeat", 1) ?? 3, scratch, note: report.note };
    const measureSize = async (size: Size, toCases: (context: CaseContext) => Promise<Case[]>): Promise<Section> => {
      report.note(`Filling ${describe(size)}`);
      await server.fill(size);
      const cases = await toCases({ server, rows: size.rows, psql, signal });
      return { size, results: await runCases(cases, options) };
    };
    const sections = [await measureSize({ rows, days: DAYS }, (context) => allCases(context, { scratch, sqliteRows }))];
    for (const size of sizesOf(args, rows)) sections.push(await measureSize(size, growthCases));
    const text = `${await describeRun(server, options)}\n${formatSections(sections)}`;
    report.result(text.trimEnd().split("\n"));
    const file = args.text("markdown");
    if (file !== undefined) await Deno.writeTextFile(file, text);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Sizes to measure beside the first one. */
function sizesOf(args: Args, rows: number): Size[] {
  const factors = args.has("growth") ? [0.1, 0.3, 3] : [];
  const oneDay = args.has("one-day") ? [{ rows: 3 * rows, days: 1 }] : [];
  const sizes = factors.map((factor) => ({ rows: Math.round(rows * factor), days: Math.round(DAYS * factor) }));
  return [...sizes, ...oneDay];
}

async function allCases(
  context: CaseContext,
  { scratch, sqliteRows }: { readonly scratch: string; readonly sqliteRows: number },
): Promise<Case[]> {
  const lake = join(scratch, "lake");
  await context.server.task("export", "checks", "--out", lake);
  return [
    floorCase(context),
    exportCase(context),
    ...await peerCases(context),
    ...writeCases(context, lake),
    ...againCases(context, lake),
    ...await harnessCases(context, { scratch, sqliteRows }),
    ...await analyticsCases(context, { scratch, lake }),
    ...migrateCases(context),
  ];
}

function growthCases(context: CaseContext): Promise<Case[]> {
  return Promise.resolve([floorCase(context), exportCase(context)]);
}

/** A table of everything at the first size, and one of the export at all sizes where there are more. */
function formatSections(sections: readonly Section[]): string {
  const [{ size, results }] = sections;
  const table = `${describe(size)}:\n\n${formatTable(results.map((result) => toLine(result, results)))}`;
  return sections.length === 1 ? table : `${table}\n${formatGrowth(sections)}`;
}

function formatGrowth(sections: readonly Section[]): string {
  const ordered = sections.toSorted((a, b) => a.size.rows - b.size.rows || b.size.days - a.size.days);
  const lines = ordered.flatMap(({ size, results }) =>
    results.filter((result) => result.case.id === "export").map((result) => toLine(result, results, describe(size)))
  );
  return `deno task export by size:\n\n${formatTable(lines)}`;
}

function describe({ rows, days }: Size): string {
  return `${rows.toLocaleString("en-US")} rows over ${days === 1 ? "one day" : `${days} days`}`;
}

async function describeRun(server: Server, { repeat }: RunOptions): Promise<string> {
  const [{ version }] = await server.query("select current_setting('server_version') as version");
  const rounds = repeat === 1 ? "One round" : `Medians of ${repeat} interleaved rounds`;
  return `${rounds} on ${await describeMachine(String(version))}.\n`;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, bench);
