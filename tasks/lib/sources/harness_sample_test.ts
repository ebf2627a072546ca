import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type HarnessSampleOptions, writeHarnessSample } from "./harness_sample.ts";

/** Rows of a query over a sample. */
async function query(sql: string, options: HarnessSampleOptions = {}): Promise<unknown[]> {
  const directory = await Deno.makeTempDir();
  try {
    const path = join(directory, "heretix.sqlite");
    writeHarnessSample(path, options);
    using db = new DatabaseSync(path, { readOnly: true });
    return db.prepare(sql).all().map((row) => Object.values(row));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("writeHarnessSample() writes the same rows every time", async () => {
  const all = "select * from executions order by execution_id";
  assert.deepEqual(await query(all), await query(all));
});

Deno.test("writeHarnessSample() keeps every execution of a re-run and its last row in runs", async () => {
  const sql = `select count(*), max(e.created_at) - min(e.created_at), max(e.created_at) = r.created_at
    from runs r join executions e using (run_id) group by run_id having count(*) > 1 order by 2`;
  assert.deepEqual(await query(sql), [[2, 600, 1], [2, 86400, 1], [2, 86400, 1], [2, 86400, 1]]);
});

Deno.test("writeHarnessSample() leaves some runs without an execution", async () => {
  const sql = "select count(*) from runs where run_id not in (select run_id from executions)";
  assert.deepEqual(await query(sql), [[2]]);
});

Deno.test("writeHarnessSample() writes seeds as digits, some above 2^63, that config_json repeats", async () => {
  const sql = `select count(*) from runs where typeof(bootstrap_seed) = 'text'
    and length(bootstrap_seed) = 20 and bootstrap_seed > '09223372036854775807'`;
  const [[large]] = await query(sql) as number[][];
  assert.ok(large > 0);
  assert.deepEqual(await query("select count(*) from runs where instr(config_json, coalesce(seed, 'null')) = 0"), [[
    0,
  ]]);
});

Deno.test("writeHarnessSample() in the layout of 2025-08 rounds the large seeds and has no executions", async () => {
  const layout = "2025-08";
  const types = await query("select distinct typeof(bootstrap_seed) from runs order by 1", { layout });
  assert.deepEqual(types, [["integer"], ["real"]]);
  assert.deepEqual(await query("select name from sqlite_master where type = 'table' order by 1", { layout }), [
    ["runs"],
    ["samples"],
  ]);
  assert.deepEqual(await query("select count(*) from pragma_table_info('runs')", { layout }), [[24]]);
});
