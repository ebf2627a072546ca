import assert from "node:assert/strict";
import { buildSchema } from "./scratch.ts";

Deno.test("buildSchema() starts every file with the settings of a new session", async () => {
  const objects = await buildSchema([
    { name: "0001_a.sql", text: "create schema aside; set search_path = aside; create table hidden (id int);" },
    { name: "0002_b.sql", text: "create table seen (id int);" },
  ]);
  assert.deepEqual(objects.map(({ name }) => name), ["seen", "seen.id"]);
});

Deno.test("buildSchema() names the file that fails", async () => {
  await assert.rejects(buildSchema([{ name: "0001_a.sql", text: "create table a (id nope);" }]), {
    name: "TaskError",
    message: 'Cannot build scratch schema from "0001_a.sql": type "nope" does not exist; correct the file',
  });
});
