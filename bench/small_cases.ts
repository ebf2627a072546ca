import { fileURLToPath } from "node:url";
import type { Case } from "./cases.ts";
import type { CaseContext } from "./export_cases.ts";
import { fillHarness, reRunLatest } from "./harness.ts";
import { measure } from "./measure.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Exports into a lane that is up to date already, or nearly so. */
export function againCases(
  { server, rows }: CaseContext,
  lake: string,
): Case[] {
  const exportAgain = () => server.task("export", "--out", lake, "--json");
  return [
    {
      id: "no-op",
      name: "deno task export, nothing changed",
      against: ["floor", "export"],
      run: exportAgain,
    },
    {
      id: "one-day",
      name: "deno task export, one row of one day changed",
      against: ["floor", "export"],
      prepare: () =>
        server.query(`update checks set was_cached = not was_cached
          where id = (select id from checks order by created_at limit 1 offset ${Math.floor(rows / 2)})`),
      async run() {
        const sample = await exportAgain();
        if (JSON.parse(sample.stdout).rows === 0) {
          throw new Error("The changed day was not exported");
        }
        return sample;
      },
    },
  ];
}

/** Exports of harness files; the lane of the hook's file is filled before. */
export async function harnessCases(
  { server, rows }: CaseContext,
  paths: { readonly hook: string; readonly big: string; readonly lake: string },
): Promise<Case[]> {
  const executions = fillHarness(paths.big, Math.ceil(rows * 0.3));
  fillHarness(paths.hook, 30);
  await server.task(
    "export",
    "--from",
    "sqlite",
    "--sqlite",
    paths.hook,
    "--out",
    paths.lake,
  );
  return [
    {
      id: "hook",
      name: "deno task export:run, one more execution",
      against: [],
      prepare: () => reRunLatest(paths.hook),
      run: () =>
        server.task(
          "export:run",
          "--latest",
          "--sqlite",
          paths.hook,
          "--out",
          paths.lake,
        ),
    },
    {
      id: "sqlite",
      name: `deno task export --from sqlite, ${executions.toLocaleString("en-US")} rows`,
      rows: executions,
      against: [],
      run: (directory) =>
        server.task(
          "export",
          "--from",
          "sqlite",
          "--sqlite",
          paths.big,
          "--out",
          directory,
        ),
    },
  ];
}

/** A migrate with nothing pending, and the least that any task with a connection costs. */
export function migrateCases({ server, signal }: CaseContext): Case[] {
  const args = [
    "run",
    "-q",
    "-A",
    "--config",
    `${ROOT}deno.json`,
    `${ROOT}bench/peers/select_one.ts`,
    server.url,
  ];
  return [
    {
      id: "bare",
      name: "deno run: connect, select 1",
      against: [],
      run: () => measure({ program: Deno.execPath(), args, signal }),
    },
    {
      id: "migrate",
      name: "deno task migrate, nothing pending",
      against: ["bare"],
      run: () => server.task("migrate"),
    },
  ];
}
