import { join } from "node:path";
import type { Args, TaskSpec } from "../tasks/lib/task/args.ts";
import { runTask, type TaskContext } from "../tasks/lib/task/run.ts";
import { analyticsCases } from "./analytics_cases.ts";
import { againCases } from "./again_cases.ts";
import { type Case, runCases, type RunOptions } from "./cases.ts";
import { examine, formatVerdict } from "./exactness.ts";
import { type CaseContext, engineCase, floorCase, loadCases, scanCase } from "./export_cases.ts";
import { describeMachine, hasPsql } from "./machine.ts";
import { peerWriters } from "./peers.ts";
import { asideTables, describe, growthTables, type Known, type Section, toTables } from "./report.ts";
import { type Server, type Size, startServer } from "./server.ts";
import { harnessCases, migrateCases } from "./small_cases.ts";
import { formatTable, type Table } from "./table.ts";
import { exportWriters, threadWriters, type Writer } from "./writers.ts";

const SPEC: TaskSpec = {
  name: "bench",
  summary: "Measures exports against their floor and against what could be scripted instead, on a Postgres of its own.",
  flags: {
    rows: { type: "string", value: "N", help: "rows of checks, over 24 days (default 1000000)" },
    "sqlite-rows": { type: "string", value: "N", help: "rows of the harness file (default a tenth of --rows)" },
    repeat: { type: "string", value: "N", help: "rounds; the table shows medians (default 3)" },
    "by-threads": { type: "boolean", help: "also with 1, 2 and 4 threads" },
    growth: { type: "boolean", help: "also a tenth, three tenths and three times the rows and days" },
    "one-day": { type: "boolean", help: "also three times the rows in one day" },
    "many-days": { type: "boolean", help: "also second runs over 20,000 days of a row or two" },
    markdown: { type: "string", value: "FILE", help: "write the tables to a file, too" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

const DAYS = 24;
const THREADS = [1, 2, 4];
const MANY_DAYS: Size = { rows: 30_000, days: 20_000 };

/** What all measurements of one run share. */
interface Bench extends RunOptions {
  readonly server: Server;
  readonly args: Args;
  readonly rows: number;
  readonly psql: boolean;
  readonly signal: AbortSignal;
}

async function bench({ args, report, signal }: TaskContext): Promise<void> {
  const rows = args.count("rows", 1000) ?? 1_000_000;
  const repeat = args.count("repeat", 1) ?? 3;
  const scratch = await Deno.makeTempDir({ prefix: "heretix-bench-" });
  try {
    await using server = await startServer(signal);
    const psql = await hasPsql();
    if (!psql) report.warn("There is no psql on the PATH; postgres.js stands in for it");
    const { note } = report;
    const tables = await measureAll({
      server,
      args,
      rows,
      psql,
      repeat,
      scratch,
      note,
      serverCpuS: server.cpuS,
      signal,
    });
    const text = [await describeRun(server, repeat), ...tables.map(formatTable)].join("\n");
    report.result(text.trimEnd().split("\n"));
    const file = args.text("markdown");
    if (file !== undefined) await Deno.writeTextFile(file, text);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function measureAll(bench: Bench): Promise<Table[]> {
  const { server, args, rows } = bench;
  await server.fill({ rows: 1, days: 1 });
  const own = exportWriters(server);
  const known = await examineAll(bench, [...own, ...await peerWriters(bench)]);
  const writers = known.map(({ writer }) => writer);
  const size: Size = { rows, days: DAYS };
  const first = await measureSize(bench, size, (context) => allCases(bench, context, writers));
  const byThreads = args.has("by-threads") ? await measureThreads(bench, size) : [];
  const sections = [first];
  for (const size of sizesOf(args, rows)) {
    sections.push(await measureSize(bench, size, (context) => [floorCase(context), ...loadCases(context, own)]));
  }
  const manyDays = args.has("many-days") ? await measureManyDays(bench, own) : [];
  return [...toTables(first, known), ...byThreads, ...growthTables(sections), ...manyDays];
}

/** What each writer makes of the extremes of types. */
async function examineAll({ server, scratch, note }: Bench, writers: readonly Writer[]): Promise<Known[]> {
  const known: Known[] = [];
  for (const writer of writers) {
    const verdict = formatVerdict(await examine(writer, { server, scratch }));
    note(`${writer.name}: ${verdict}`);
    known.push({ writer, verdict });
  }
  return known;
}

async function measureSize(
  { server, psql, signal, ...options }: Bench,
  size: Size,
  toCases: (context: CaseContext) => Case[] | Promise<Case[]>,
): Promise<Section> {
  options.note(`Filling ${describe(size)}`);
  await server.fill(size);
  const cases = await toCases({ server, rows: size.rows, psql, signal });
  return { size, results: await runCases(cases, options) };
}

async function measureThreads(bench: Bench, size: Size): Promise<Table[]> {
  const writers = threadWriters(bench.server, THREADS);
  if (writers.length === 0) return [];
  const { results } = await measureSize(bench, size, (context) => [floorCase(context), ...loadCases(context, writers)]);
  return asideTables(`The export by threads, ${describe(size)}`, results);
}

async function measureManyDays(bench: Bench, writers: readonly Writer[]): Promise<Table[]> {
  const home = join(bench.scratch, "many-days");
  const { results } = await measureSize(bench, MANY_DAYS, (context) => [
    floorCase(context),
    scanCase(context),
    ...againCases(context, writers, home),
  ]);
  return asideTables(describe(MANY_DAYS), results);
}

/** Sizes to measure beside the first one. */
function sizesOf(args: Args, rows: number): Size[] {
  const factors = args.has("growth") ? [0.1, 0.3, 3] : [];
  const oneDay = args.has("one-day") ? [{ rows: 3 * rows, days: 1 }] : [];
  const sizes = factors.map((factor) => ({ rows: Math.round(rows * factor), days: Math.round(DAYS * factor) }));
  return [...sizes, ...oneDay];
}

async function allCases(
  { args, scratch }: Bench,
  context: CaseContext,
  writers: readonly Writer[],
): Promise<Case[]> {
  const sqliteRows = args.count("sqlite-rows", 1) ?? Math.ceil(context.rows / 10);
  const lake = join(scratch, "lake");
  await context.server.task("export", "checks", "--out", lake);
  return [
    floorCase(context),
    ...loadCases(context, writers),
    ...againCases(context, writers, join(scratch, "again")),
    engineCase(context, lake),
    ...await harnessCases(context, { scratch, sqliteRows }),
    ...await analyticsCases(context, { scratch, lake }),
    ...migrateCases(context),
  ];
}

async function describeRun(server: Server, repeat: number): Promise<string> {
  const [{ version }] = await server.query("select current_setting('server_version') as version");
  const rounds = repeat === 1 ? "One round" : `Medians of ${repeat} interleaved rounds`;
  return `${rounds} on ${await describeMachine(String(version))}.\n`;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, bench);
