import assert from "node:assert/strict";
import { join } from "node:path";
import { createExporter, finish, insertChecks } from "./support/exporter.ts";
import { readLane } from "./support/parquet.ts";

/** Files that a process may have open: some dozens for itself, two for each of the days that are under way. */
const MAX_FILES = 200;

Deno.test({
  name: "export of a lane of many tiny days keeps few files open",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using exporter = await createExporter();
    const days = 300;
    await insertChecks(exporter.database, 1, days, "timestamptz '2024-01-01 12:00:00+00' + n * interval '1 day'");
    const run = async (...args: string[]) => {
      const env = { DATABASE_URL: exporter.database.url, EXPORT_DIR: join(exporter.lane, "..") };
      const task = [Deno.execPath(), "run", "-q", "--no-prompt", "-P=export", "tasks/export.ts", ...args];
      const { code, stdout, stderr } = await finish(
        new Deno.Command("/bin/sh", {
          args: ["-c", `ulimit -n ${MAX_FILES} && exec "$@"`, "sh", ...task],
          env: { ...env, NO_COLOR: "1" },
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
        }).spawn(),
      );
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.match(await run(), /^Exported 300 rows in 300 files /);
    assert.equal((await readLane(exporter.lane)).length, days);
  },
});

Deno.test("export that waits for its lane ends promptly with 130 on SIGTERM", async () => {
  await using exporter = await createExporter();
  await Deno.mkdir(exporter.lane, { recursive: true });
  using lock = await Deno.open(join(exporter.lane, ".lock"), { write: true, create: true });
  await lock.lock(true);
  const child = exporter.start("export.ts");
  const reader = child.stderr.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^Waiting for lane local, which another process holds\n/);
  const start = performance.now();
  child.kill("SIGTERM");
  reader.releaseLock();
  const { code, stdout, stderr } = await finish(child);
  assert.deepEqual([code, stdout, stderr], [130, "", "Interrupted export; nothing half done is visible\n"]);
  assert.ok(performance.now() - start < 2000, "promptly");
});

Deno.test("the lock file of a lane is empty after its holder has ended, well or not", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  assert.equal((await exporter.export()).code, 0);
  assert.equal(await Deno.readTextFile(join(exporter.lane, ".lock")), "");
  assert.equal((await exporter.export(["--redact", "nothing"])).code, 2);
  assert.equal(await Deno.readTextFile(join(exporter.lane, ".lock")), "");
});
