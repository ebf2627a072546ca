import assert from "node:assert/strict";
import { ROOT, runCommand, UNSET } from "./support/command.ts";

Deno.test("demo goes from nothing to tables, whatever DATABASE_URL says", async () => {
  const env = { DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none" };
  const { code, stdout } = await runCommand("demo", [], { env });
  assert.equal(code, 0);
  assert.deepEqual(stdout.match(/^\$ deno task \S+/gm)?.map((line) => line.slice(12)), [
    "migrate",
    "db:seed",
    "export",
    "analytics",
    "analytics",
    "analytics",
  ]);
  assert.match(stdout, /\nlocal +local +sqlite +\d+ +36 /);
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [npx] = /npx -y deno@[\d.]+ task /.exec(await Deno.readTextFile(`${ROOT}README.md`))!;
  const pasted = stdout.split("\n").filter((line) => line.startsWith("npx "));
  assert.ok(pasted.length >= 5 && pasted.every((line) => line.startsWith(npx)), stdout);
  for (const line of pasted) assert.ok(line.slice(npx.length).split(" ")[0] in tasks, line);
  for (const line of pasted.filter((line) => line.includes("data/demo"))) {
    const command = line.replace(npx, `"${Deno.execPath()}" task `);
    const options = { args: ["-c", command], cwd: ROOT, env: UNSET, stdin: "null" as const };
    assert.equal((await new Deno.Command("/bin/sh", options).output()).code, 0, line);
  }
  assert.ok((await Deno.stat(`${ROOT}data/report.html`)).size > 20_000);
});
