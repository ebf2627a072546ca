import assert from "node:assert/strict";
import { runCommand } from "./support/command.ts";

const env = {
  DATABASE_URL: "postgresql://u@127.0.0.1:1/pooled",
  DATABASE_URL_UNPOOLED: "postgresql://u@127.0.0.1:2/direct",
  // What a task does not use may be anything.
  DATABASE_URL_STAGING: "nothing",
  DATABASE_URL_PROD: "nothing",
  EMBEDDED_DIR: "/elsewhere",
  EXPORT_WRITER: "direct",
  EXPORT_URL: "nothing",
  S3_ENDPOINT: "nothing",
};

/** The variable that each task with a database takes, and arguments with which it asks nothing. */
const TAKEN: Readonly<Record<string, readonly [database: "direct" | "pooled", ...args: string[]]>> = {
  migrate: ["direct"],
  "db:reset": ["direct", "--yes"],
  "db:seed": ["direct"],
  "db:check": ["direct"],
  "db:diff": ["direct"],
  // EXPORT_URL is the default of its --to, unless a directory is asked for.
  export: ["pooled", "--out", "data/no-such-lake"],
  "export:local": ["pooled"],
};

for (const [task, [database, ...args]] of Object.entries(TAKEN)) {
  Deno.test(`${task} takes the ${database} URL, whatever is set for others`, async () => {
    // Without the permission a connection fails at once, and says where it would have gone.
    const { code, stderr } = await runCommand(task, args, { env, denoFlags: ["--deny-net"] });
    assert.equal(code, 1, stderr);
    assert.match(stderr, database === "direct" ? /"u@127\.0\.0\.1:2\// : /"u@127\.0\.0\.1:1\//);
  });
}

for (const task of ["analytics", "report"]) {
  Deno.test(`${task} does without a database, and so without its URL`, async () => {
    const directory = { ...env, DATABASE_URL: "nothing", EXPORT_DIR: "data/no-such-lake" };
    const { code, stderr } = await runCommand(task, task === "analytics" ? ["days"] : [], { env: directory });
    assert.equal(code, 1, stderr);
    assert.doesNotMatch(stderr, /Cannot use the settings/);
  });
}
