import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createExportDirectory, type ExportDirectory } from "./support/export.ts";
import { finish, listDebris, startExport } from "./support/exporter.ts";
import { createHarnessFile } from "./support/harness.ts";
import { startWriter } from "./support/harness_writer.ts";

/** 2025-09-01T00:00:00Z. */
const MIDNIGHT = 1756684800;

/** Makes a harness's file of 20,000 executions and 1,200,000 samples. */
function createLargeFile(path: string): void {
  using file = createHarnessFile(path);
  const numbers = (count: number) =>
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})`;
  file.db.exec(`
    pragma journal_mode = off;
    pragma synchronous = off;
    ${numbers(20_000)} insert into executions (execution_id, run_id, created_at, claim, config_json)
      select 'e' || i, 'r' || i, ${MIDNIGHT} + i, printf('%.*c', 200, 'x'), printf('%.*c', 400, 'y') from n;
    ${numbers(20_000)} insert into runs (run_id, created_at, provider) select 'r' || i, ${MIDNIGHT} + i, 'xai' from n;
    ${numbers(1_200_000)} insert into samples (run_id, cache_key, prompt_sha256, provider_model_id)
      select 'r' || (i / 60), printf('key %08d', i), 'of a prompt', 'gpt-5' from n;
    pragma journal_mode = delete`);
}

function executionsOf(path: string): string[] {
  using db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  return db.prepare("select execution_id from executions").all().map(({ execution_id }) => `${execution_id}`);
}

async function exportedBy(directory: ExportDirectory): Promise<Set<string>> {
  return new Set((await directory.read()).flatMap(({ rows }) => rows.map(({ execution_id }) => `${execution_id}`)));
}

/** Kills an export while it copies, and leaves what SQLite leaves beside a copy. */
async function leaveDebris(args: readonly string[], lane: string): Promise<void> {
  const child = startExport("export.ts", args);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  child.kill("SIGKILL");
  await finish(child);
  await Deno.writeTextFile(join(lane, `.harness.${crypto.randomUUID()}.part-journal`), "");
}

Deno.test("export of 1.2M samples makes no writer wait, misses no execution and ends on Ctrl-C, in both journal modes", async () => {
  await using directory = await createExportDirectory();
  const path = join(directory.path, "heretix.sqlite");
  createLargeFile(path);
  const args = ["--from", "sqlite", "--sqlite", path, "--out", join(directory.path, "lake")];
  for (const [mode, interruptedMs] of [["delete", 1000], ["wal", 1700]] as const) {
    {
      using db = new DatabaseSync(path);
      db.exec(`pragma journal_mode = ${mode}; delete from executions where execution_id like 'written%'`);
    }
    await using writer = await startWriter(path);
    const child = startExport("export.ts", args);
    await new Promise((resolve) => setTimeout(resolve, interruptedMs));
    const start = performance.now();
    child.kill("SIGINT");
    const { code, stderr } = await finish(child);
    assert.deepEqual([code, stderr], [130, "Interrupted export; nothing half done is visible\n"]);
    assert.ok(performance.now() - start < 2000);
    const before = executionsOf(path);
    if (mode === "delete") await leaveDebris(args, join(directory.path, "lake", "local"));
    const whole = await finish(startExport("export.ts", args));
    assert.equal(whole.code, 0, whole.stderr);
    const exported = await exportedBy(directory);
    assert.deepEqual(before.filter((id) => !exported.has(id)), []);
    assert.deepEqual(await listDebris(join(directory.path, "lake", "local")), []);
    const { writes, failures, longestMs } = await writer.stop();
    assert.deepEqual(failures, []);
    assert.ok(writes > 30);
    console.log(`${mode}: ${writes} writes, the longest ${Math.round(longestMs)} ms`);
  }
});
