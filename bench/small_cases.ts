import { join } from "node:path";
import type { Case } from "./cases.ts";
import { type CaseContext, scriptOfTasks } from "./export_cases.ts";
import { fillHarness, reRunLatest } from "./harness.ts";
import { measure } from "./measure.ts";

/** Exports into a lane that is up to date already, or nearly so. */
export function againCases({ server, rows }: CaseContext, lake: string): Case[] {
  const exportAgain = () => server.task("export", "checks", "--out", lake, "--json");
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
        if (JSON.parse(sample.stdout).lanes[0].rows === 0) {
          throw new Error("The changed day was not exported");
        }
        return sample;
      },
    },
  ];
}

/** Exports of two harness files: a small one with a lane of its own for the hook, and one of many rows. */
export async function harnessCases(
  { server }: CaseContext,
  { scratch, sqliteRows }: { readonly scratch: string; readonly sqliteRows: number },
): Promise<Case[]> {
  const [hook, big, lake] = ["hook.sqlite", "big.sqlite", "runs"].map((name) => join(scratch, name));
  fillHarness(hook, 30);
  const rows = fillHarness(big, sqliteRows);
  await server.task("export", "--from", "sqlite", "--sqlite", hook, "--out", lake);
  return [
    {
      id: "hook",
      name: "deno task export:run, one more execution",
      against: [],
      prepare: () => reRunLatest(hook),
      run: () => server.task("export:run", "--latest", "--sqlite", hook, "--out", lake),
    },
    {
      id: "sqlite",
      name: `deno task export --from sqlite, ${rows.toLocaleString("en-US")} rows`,
      rows,
      against: [],
      run: (directory) => server.task("export", "--from", "sqlite", "--sqlite", big, "--out", directory),
    },
  ];
}

/** A migrate with nothing pending, and the least that any task with a connection costs. */
export function migrateCases({ server, signal }: CaseContext): Case[] {
  const args = scriptOfTasks("peers/select_one.ts", server.url);
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
