import assert from "node:assert/strict";
import { lockFile } from "../tasks/lib/task/file_lock.ts";
import { commandOf, type CommandResult, ROOT, UNSET } from "./support/command.ts";
import { createExportDirectory } from "./support/export.ts";

/** A device on which no byte has room. */
const FULL = "/dev/full";

const hasFullDevice = await Deno.stat(FULL).then(() => true, () => false);

/** Runs a task with some of its streams redirected by a shell. */
async function runRedirected(
  name: string,
  redirect: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const { flags, script } = commandOf(name);
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", `"$@" ${redirect}`, "sh", Deno.execPath(), "run", ...flags, script],
    cwd: ROOT,
    env: { ...UNSET, NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function deviceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasFullDevice, fn });
}

deviceTest("a result for which there is no room is one error", async () => {
  assert.deepEqual(await runRedirected("analytics", `> ${FULL}`), {
    code: 1,
    stdout: "",
    stderr: 'Cannot write output "stdout": No space left on device (os error 28); ' +
      "make room where it goes, or send it elsewhere\n",
  });
});

deviceTest("a note for which there is no room ends the task with 1", async () => {
  await using directory = await createExportDirectory();
  await Deno.mkdir(`${directory.path}/local`);
  // The task would wait for its lane, and says so.
  using _lock = await lockFile(`${directory.path}/local/.lock`, { what: "the lane" });
  const result = await runRedirected("export", `2> ${FULL}`, { EXPORT_DIR: directory.path });
  assert.deepEqual(result, { code: 1, stdout: "", stderr: "" });
});

deviceTest("an error for which there is no room keeps its exit code", async () => {
  assert.deepEqual(await runRedirected("migrate", `2> ${FULL}`, { DATABASE_URL: "nothing" }), {
    code: 2,
    stdout: "",
    stderr: "",
  });
});

deviceTest("a result and an error for which there is no room end with 1", async () => {
  assert.deepEqual(await runRedirected("analytics", `> ${FULL} 2>&1`), { code: 1, stdout: "", stderr: "" });
});
