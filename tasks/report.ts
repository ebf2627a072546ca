import { dirname } from "node:path";
import type { TaskSpec } from "./lib/task/args.ts";
import { openCatalog } from "./lib/analytics/catalog.ts";
import { EXIT, messageOf, TaskError } from "./lib/task/errors.ts";
import { parseQueries } from "./lib/analytics/queries.ts";
import { makeReport, queriesOfPage } from "./lib/report/run.ts";
import { fromCaller, readExportDir } from "./lib/task/settings.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";

const ANALYTICS = new URL("../analytics/", import.meta.url);

const SPEC: TaskSpec = {
  name: "report",
  summary: "Write one HTML page with charts over the exports.",
  flags: {
    out: { type: "string", value: "FILE", help: "where to write it, below data (default data/report.html)" },
    dir: { type: "string", value: "DIR", help: "the exports to read (default EXPORT_DIR)" },
    quiet: { type: "boolean", help: "print the result only" },
  },
};

async function writeReport({ args, report, signal }: TaskContext): Promise<void> {
  const out = fromCaller(args.text("out")) ?? "data/report.html";
  const queries = parseQueries(await Deno.readTextFile(new URL("queries.sql", ANALYTICS)));
  const css = await Deno.readTextFile(new URL("report.css", ANALYTICS));
  using catalog = await openCatalog(fromCaller(args.text("dir")) ?? readExportDir(), signal, {
    queries: queriesOfPage(queries),
    progress: report.progress,
  });
  const page = await makeReport({ catalog, queries, css, madeAt: new Date() });
  try {
    await Deno.mkdir(dirname(out), { recursive: true });
    await Deno.writeTextFile(out, page);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new TaskError(
        `Cannot write report "${out}": this task writes below data alone; choose a file there`,
        EXIT.usage,
      );
    }
    throw new TaskError(`Cannot write report "${out}": ${messageOf(error)}; choose another file with --out`);
  }
  report.result(`Wrote ${out}`);
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, writeReport);
