import assert from "node:assert/strict";
import { createProject } from "./support/migrations.ts";

const SECRET = "s3cr3t-Pa55";

/** Statements with a password that fail, and what is said of each. */
const STATEMENTS: readonly (readonly [statement: string, finding: RegExp])[] = [
  [`create role pg_monitor\n  login password '${SECRET}'`, /message is not shown, .* \(42939\)/],
  [`alter role no_such_role password '${SECRET}'`, /role "no_such_role" does not exist \(42704\)/],
  [`create role x password '${SECRET}' nonsense`, /message is not shown, as the statement holds a password \(42601\)/],
  [`alter role postgres password "${SECRET}"`, /message is not shown, .* \(42601\)/],
  [`alter role postgres password ${SECRET.replaceAll("-", "")}`, /message is not shown, .* \(42601\)/],
  [
    `create user mapping for postgres server s options (password '${SECRET}')`,
    /server "s" does not exist \(42704\)/,
  ],
  [
    `create subscription s connection 'password=x ${SECRET}' publication p with (connect = false)`,
    /message is not shown, .* \(\w{5}\)/,
  ],
  [`do $$ begin raise exception 'password=%', '${SECRET}'; end $$`, /message is not shown, .* \(P0001\)/],
];

Deno.test("migrate prints no password of a statement that fails, only its place", async () => {
  await using project = await createProject();
  for (const [statement, finding] of STATEMENTS) {
    await project.write({ "0001_first.sql": `select 1;\n${statement};\n` });
    const { code, stdout, stderr } = await project.migrate("--json");
    assert.equal(code, 1, stderr);
    assert.match(stderr, finding);
    assert.match(
      stderr,
      /\n {2}at sql\/migrations\/0001_first\.sql:[23]:\d+ \(not shown: the statement holds a password\)\n$/,
    );
    assert.doesNotMatch(stdout + stderr, /s3cr3t/);
  }
});

Deno.test("migrate shows the line of another statement of the same file", async () => {
  await using project = await createProject({
    "0001_first.sql": `do $$ begin perform 'password=${SECRET}'; end $$;\nselect nonsense;\n`,
  });
  const { stderr } = await project.migrate();
  assert.match(stderr, /column "nonsense" does not exist [^]*0001_first\.sql:2:8\n {2}\| select nonsense;\n/);
});
