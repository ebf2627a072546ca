import assert from "node:assert/strict";
import { createProject } from "./support/migrations.ts";

const raise = (text: string) =>
  `do $$ begin raise ${text} using detail = 'a row', hint = 'a row'; raise info 'of no concern'; end $$;\n`;

const FILES = {
  "0001_first.sql": `create table a (id int);\n${raise("warning E'first\\nof two'")}${raise("warning 'second'")}`,
  "0002_alone.sql": `-- migrate: no-transaction\n${raise("warning 'alone'")}`,
  "0003_last.sql": "select 3;\n",
};

Deno.test("migrate prints each WARNING of a file, with --quiet and --json too, and nothing else of it", async () => {
  await using project = await createProject(FILES);
  await project.database.sql.unsafe(`alter database ${project.database.name} set client_min_messages = error`);
  const { code, stdout, stderr } = await project.migrate("--quiet", "--json");
  assert.equal(code, 0, stderr);
  const warnings = ["0001_first.sql: first\\nof two", "0001_first.sql: second", "0002_alone.sql: alone"];
  assert.equal(stderr, warnings.map((line) => `Warning: ${line}\n`).join(""));
  assert.deepEqual(JSON.parse(stdout).warnings, [warnings[0].replace("\\n", "\n"), ...warnings.slice(1)]);
});

Deno.test("migrate --rehearse prints the WARNINGs of the files that it runs", async () => {
  await using project = await createProject(FILES);
  const { stdout, stderr } = await project.migrate("--rehearse", "--quiet", "--json");
  assert.equal(stderr, "Warning: 0001_first.sql: first\\nof two\nWarning: 0001_first.sql: second\n");
  assert.equal(JSON.parse(stdout).warnings.length, 2);
});

Deno.test("migrate prints a file's WARNINGs also when it fails", async () => {
  await using project = await createProject({ "0001_first.sql": `${raise("warning 'look'")}select 1/0;\n` });
  const { code, stderr } = await project.migrate("--quiet");
  assert.equal(code, 1);
  assert.match(stderr, /^Warning: 0001_first\.sql: look\nCannot apply migration "0001_first\.sql"/);
});

Deno.test("migrate prints 20 WARNINGs of a file, a thousand characters of each, and counts the others", async () => {
  const loop = "do $$ begin for n in 1..3000 loop raise warning '% %', n, repeat('x', 5000); end loop; end $$;\n";
  await using project = await createProject({ "0001_first.sql": loop, "0002_second.sql": raise("warning 'second'") });
  const { code, stdout, stderr } = await project.migrate("--quiet", "--json");
  assert.equal(code, 0, stderr);
  const { warnings } = JSON.parse(stdout);
  assert.equal(warnings.length, 22);
  assert.deepEqual(warnings.slice(20), ["0001_first.sql: 2980 more warnings", "0002_second.sql: second"]);
  assert.ok(warnings.slice(0, 20).every((line: string) => line.length < 1050));
});
