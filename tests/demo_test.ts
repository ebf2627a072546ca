import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";

Deno.test("demo goes from nothing to a report, whatever DATABASE_URL says", async () => {
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
    "report",
  ]);
  assert.match(stdout, /\nlocal +local +sqlite +\d+ +36 /);
  assert.ok((await Deno.stat("data/demo/report.html")).size > 20_000);
});
