import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";

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
  const closing = stdout.slice(stdout.indexOf("Try next:"));
  const line = /^ {2}npx -y deno@2\.9\.6 task report (.+?) +#/m.exec(closing)![1];
  const made = await runCommand("report", line.split(" "));
  assert.equal(made.code, 0, made.stderr);
  assert.ok((await Deno.stat("data/report.html")).size > 20_000);
});
