import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";
import { insertChecks } from "./support/exporter.ts";

/** Packages that cost more to load than most commands take. */
const ENGINES = ["@duckdb/duckdb-wasm", "@electric-sql/pglite", "aws4fetch", "@observablehq/plot", "linkedom"];

/** What every thread with DuckDB runs. */
const ENGINE_CODE = "@duckdb/duckdb-wasm/dist/duckdb-eh.wasm";

/** Runs a task to its end and tells which engines it loaded. */
async function loadedEngines(name: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const directory = await Deno.makeTempDir({ prefix: "heretix-coverage-" });
  try {
    const { code, stderr } = await runCommand(name, args, { env, denoFlags: [`--coverage=${directory}`] });
    assert.equal(code, 0, stderr);
    const scripts: string[] = [];
    for await (const entry of Deno.readDir(directory)) {
      if (entry.name.endsWith(".json")) {
        // A thread that is ended may leave the end of its file out.
        const [, url] = /"url": *"([^"]*)"/.exec(await Deno.readTextFile(join(directory, entry.name))) ?? [];
        if (url !== undefined) scripts.push(url);
      }
    }
    assert.ok(scripts.some((url) => url.endsWith("/tasks/lib/task/run.ts")));
    return ENGINES.filter((engine) => scripts.some((url) => url.includes(`/node_modules/${engine}/`)));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("commands load the engines that they use, and no other", async () => {
  await using database = await createTestDatabase();
  const lake = await Deno.makeTempDir({ prefix: "heretix-lake-" });
  const env = { DATABASE_URL: database.url, EXPORT_DIR: lake };
  const expectEngines = async (command: string, ...engines: string[]) => {
    const [name, ...args] = command.split(" ");
    const loaded = await loadedEngines(name, args, env);
    assert.deepEqual(loaded, engines, command);
  };
  try {
    await expectEngines("migrate --help");
    await expectEngines("export --help");
    await expectEngines("analytics --help");
    await expectEngines("report --help");
    await expectEngines("migrate");
    await expectEngines("migrate --status");
    await expectEngines("db:diff", "@electric-sql/pglite");
    await insertChecks(database, 1, 10);
    const { code, stderr } = await runCommand("export", [], { env });
    assert.equal(code, 0, stderr);
    await expectEngines("export");
    const out = `${ROOT}data/startup-test/report.html`;
    // The engine is in a thread, of which nothing may be recorded.
    const drawing = (await loadedEngines("report", ["--out", out], env)).filter((name) => !name.includes("duckdb"));
    assert.deepEqual(drawing, ["@observablehq/plot", "linkedom"]);
    await Deno.remove(`${ROOT}data/startup-test`, { recursive: true });
    // Of a thread that is ended nothing may be recorded: here the engine's code cannot be read.
    const denoFlags = [`--deny-read=${await Deno.realPath(`${ROOT}node_modules/${ENGINE_CODE}`)}`];
    const unchanged = await runCommand("export", [], { env, denoFlags });
    assert.equal(unchanged.code, 0, unchanged.stderr);
    const queried = await runCommand("analytics", ["overview"], { env, denoFlags });
    assert.match(queried.stderr, /Requires read access to .*duckdb-eh\.wasm/);
  } finally {
    await Deno.remove(lake, { recursive: true });
  }
});
