import { join } from "node:path";
import type { Args, TaskSpec } from "../tasks/lib/args.ts";
import { runTask, type TaskContext } from "../tasks/lib/task.ts";
import { type Case, type Result, runCases, type RunOptions } from "./cases.ts";
import { type CaseContext, exportCase, floorCase, peerCases, writeCase } from "./export_cases.ts";
import { describeMachine, hasPsql } from "./machine.ts";
import { type Server, type Size, startServer } from "./server.ts";
import { againCases, harnessCases, migrateCases } from "./small_cases.ts";
import { formatTable, toLine } from "./table.ts";

const SPEC: TaskSpec = {
  name: "bench",
  summary: "Measures exports against their floor and against what could be scripted instead, on a Postgres of its own.",
  flags: {
    rows: {
      type: "string",
      value: "N",
      help: "rows of checks, over 24 days (default 1000000)",
    },
    repeat: {
      type: "string",
      value: "N",
      help: "rounds; the table shows medians (default 3)",
    },
    growth: {
      type: "boolean",
      help: "also a tenth, three tenths and three times the rows",
    },
    "one-day": {
      type: "boolean",
      help: "also one and a half times the rows in one day",
    },
    markdown: {
      type: "string",
      value: "FILE",
      help: "write the tables to a file, too",
    },
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
  const scratch = await Deno.makeTempDir({ prefix: "heretix-bench-" });
  try {
    await using server = await startServer(signal);
    const psql = await hasPsql();
    if (!psql) {
      report.warn("There is no psql on the PATH; postgres.js stands in for it");
    }
    const options = {
      repeat: args.count("repeat", 1) ?? 3,
      scratch,
      note: report.note,
    };
    const measureSize = async (
      size: Size,
      toCases: (context: CaseContext) => Promise<Case[]>,
    ): Promise<Section> => {
      report.note(`Filling ${describe(size)}`);
      await server.fill(size);
      return {
        size,
        results: await runCases(
          await toCases({ server, rows: size.rows, psql, signal }),
          options,
        ),
      };
    };
    const first = await measureSize(
      { rows, days: DAYS },
      (context) => allCases(context, options),
    );
    const grown = [first];
    for (const size of sizesOf(args, rows)) {
      grown.push(await measureSize(size, growthCases));
    }
    const text = [
      await describeRun(server, options),
      formatSection(first),
      ...(grown.length > 1 ? [formatGrowth(grown)] : []),
    ].join("\n");
    report.result(text);
    const file = args.text("markdown");
    if (file !== undefined) await Deno.writeTextFile(file, text);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function allCases(
  context: CaseContext,
  { scratch }: RunOptions,
): Promise<Case[]> {
  const lake = join(scratch, "lake");
  await context.server.task("export", "--out", lake);
  const harness = {
    hook: join(scratch, "hook.sqlite"),
    big: join(scratch, "big.sqlite"),
    lake: join(scratch, "runs"),
  };
  return [
    floorCase(context),
    exportCase(context),
    ...await peerCases(context),
    writeCase(context, lake),
    ...againCases(context, lake),
    ...await harnessCases(context, harness),
    ...migrateCases(context),
  ];
}

/** Sizes to measure beside the first one. */
function sizesOf(args: Args, rows: number): Size[] {
  const factors = args.has("growth") ? [0.1, 0.3, 3] : [];
  const oneDay = args.has("one-day") ? [{ rows: Math.round(rows * 1.5), days: 1 }] : [];
  return [
    ...factors.map((factor) => ({
      rows: Math.round(rows * factor),
      days: DAYS,
    })),
    ...oneDay,
  ];
}

function growthCases(context: CaseContext): Promise<Case[]> {
  return Promise.resolve([floorCase(context), exportCase(context)]);
}

function formatSection({ size, results }: Section): string {
  return `${describe(size)}:\n\n${formatTable(results.map((result) => toLine(result, results)))}`;
}

/** The export alone, a line a size. */
function formatGrowth(sections: readonly Section[]): string {
  const ordered = sections.toSorted((a, b) => b.size.days - a.size.days || a.size.rows - b.size.rows);
  const lines = ordered.flatMap(({ size, results }) =>
    results.filter((result) => result.case.id === "export").map((result) => toLine(result, results, describe(size)))
  );
  return `deno task export by size:\n\n${formatTable(lines)}`;
}

function describe({ rows, days }: Size): string {
  return `${rows.toLocaleString("en-US")} rows over ${days === 1 ? "one day" : `${days} days`}`;
}

async function describeRun(
  server: Server,
  { repeat }: RunOptions,
): Promise<string> {
  const [{ version }] = await server.query(
    "select current_setting('server_version') as version",
  );
  const rounds = repeat === 1 ? "One round" : `Medians of ${repeat} interleaved rounds`;
  return `${rounds} on ${await describeMachine(String(version))}.\n`;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, bench);
