import { join } from "node:path";
import type { TaskSpec } from "../tasks/lib/args.ts";
import { runTask, type TaskContext } from "../tasks/lib/task.ts";
import { type Case, type Result, runCases, type RunOptions } from "./cases.ts";
import {
  type CaseContext,
  exportCase,
  floorCase,
  peerCases,
  writeCase,
} from "./export_cases.ts";
import { describeMachine, hasPsql } from "./machine.ts";
import { type Server, type Size, startServer } from "./server.ts";
import { againCases, harnessCases, migrateCases } from "./small_cases.ts";
import { formatTable } from "./table.ts";

const SPEC: TaskSpec = {
  name: "bench",
  summary:
    "Measures exports against their floor and against what could be scripted instead, on a Postgres of its own.",
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
    ) => {
      report.note(`Filling ${describe(size)}`);
      await server.fill(size);
      return toSection(
        size,
        await runCases(
          await toCases({ server, rows: size.rows, psql, signal }),
          options,
        ),
      );
    };
    const sections = [
      await measureSize(
        { rows, days: DAYS },
        (context) => allCases(context, options),
      ),
    ];
    const sizes = [
      ...(args.has("growth")
        ? [0.1, 0.3, 3].map((factor) => ({
          rows: Math.round(rows * factor),
          days: DAYS,
        }))
        : []),
      ...(args.has("one-day")
        ? [{ rows: Math.round(rows * 1.5), days: 1 }]
        : []),
    ];
    for (const size of sizes) {
      sections.push(await measureSize(size, (context) => growthCases(context)));
    }
    const text = [await describeRun(server, options), ...sections].join("\n");
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

function growthCases(context: CaseContext): Promise<Case[]> {
  return Promise.resolve([floorCase(context), exportCase(context)]);
}

function toSection(size: Size, results: readonly Result[]): string {
  return `${describe(size)}\n\n${formatTable(results)}`;
}

function describe({ rows, days }: Size): string {
  return `${rows.toLocaleString("en-US")} rows over ${
    days === 1 ? "one day" : `${days} days`
  }`;
}

async function describeRun(
  server: Server,
  { repeat }: RunOptions,
): Promise<string> {
  const [{ version }] = await server.query(
    "select current_setting('server_version') as version",
  );
  const rounds = repeat === 1
    ? "One round"
    : `Medians of ${repeat} interleaved rounds`;
  return `${rounds} on ${await describeMachine(String(version))}.\n`;
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, bench);
