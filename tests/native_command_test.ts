import assert from "node:assert/strict";
import { nativeCommand } from "../tasks/lib/analytics/native_command.ts";
import { parseQueries } from "../tasks/lib/analytics/queries.ts";
import { ROOT } from "./support/command.ts";
import { sampleRow, writeSampleLake } from "./support/sample_lake.ts";

const QUERIES = parseQueries(await Deno.readTextFile(new URL("../analytics/queries.sql", import.meta.url)));

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd: ROOT }).output();
    return success ? new TextDecoder().decode(stdout) : new TextDecoder().decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const duckdb = await output("duckdb", ["--version"]);

Deno.test({
  name: "nativeCommand() asks native DuckDB, where duckdb is on the PATH, the same of any lake",
  ignore: duckdb === undefined,
  async fn() {
    const own = ["a", "b"].map((model) => sampleRow(`run ${model}`, "2025-09-01", { model: `'${model}'` }));
    await using lake = await writeSampleLake({ "local/dt=2025-09-01/checks.parquet": own }, "odd '#& lake");
    const ask = async (query: { name: string; sql: string }) => {
      const [line] = nativeCommand(lake.directory, { queries: [query], asked: { model: "b" }, datasets: ["checks"] });
      return await output("bash", ["-c", line.replace("| duckdb", "| duckdb -csv")]);
    };
    const claim = "select run_id, 'it''s' as s\nfrom executions";
    assert.match((await ask({ name: "--sql", sql: claim }))!, /^run_id,s\r?\nrun b,"it's"\r?\n$/);
    for (const query of QUERIES.filter(({ sql }) => !/from (usage|requests)/.test(sql))) {
      assert.doesNotMatch((await ask(query))!, /error/i, query.name);
    }
    assert.match((await ask(QUERIES.find(({ name }) => name === "totals")!))!, /\n1,1,1,1,2025-09-01,2025-09-01,/);
  },
});
