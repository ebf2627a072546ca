import { join } from "node:path";
import type { Case } from "./cases.ts";
import { denoScriptOfTasks } from "./deno_script.ts";
import type { CaseContext } from "./export_cases.ts";
import { fillHarness, reRunLatest } from "./harness.ts";
import { measure } from "./measure.ts";

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
      part: "beside",
      against: [],
      prepare: () => reRunLatest(hook),
      run: () => server.task("export:run", "--latest", "--sqlite", hook, "--out", lake),
    },
    {
      id: "sqlite",
      name: `deno task export --from sqlite, ${rows.toLocaleString("en-US")} rows`,
      part: "beside",
      rows,
      against: [],
      run: (directory) => server.task("export", "--from", "sqlite", "--sqlite", big, "--out", directory),
    },
  ];
}

/** A migrate with nothing pending, and the least that any task with a connection costs. */
export function migrateCases({ server, signal }: CaseContext): Case[] {
  const args = denoScriptOfTasks("peers/select_one.ts", server.url);
  return [
    {
      id: "bare",
      name: "deno run: connect, select 1",
      part: "beside",
      against: [],
      run: () => measure({ program: Deno.execPath(), args, signal }),
    },
    {
      id: "migrate",
      name: "deno task migrate, nothing pending",
      part: "beside",
      against: ["bare"],
      run: () => server.task("migrate"),
    },
  ];
}
