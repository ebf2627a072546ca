import assert from "node:assert/strict";
import { buildSchemas } from "./scratch.ts";

Deno.test("buildSchemas() starts every file with the settings of a new session", async () => {
  const states = await buildSchemas([
    { name: "0001_a.sql", text: "create schema aside; set search_path = aside; create table hidden (id int);" },
    { name: "0002_b.sql", text: "create table seen (id int, twice int generated always as (id * 2));" },
  ]);
  assert.deepEqual(states.map((objects) => objects.map(({ name }) => name)), [[], [], [
    "seen",
    "seen.id",
    "seen.twice",
  ]]);
  assert.equal(states[2][2].definition, "integer generated always as ((id * 2)) virtual");
});

Deno.test("buildSchemas() shows nothing of a file that fails and holds a password", async () => {
  const text = "create role a password 'opensesame' nope;";
  await assert.rejects(buildSchemas([{ name: "0001_a.sql", text }]), {
    message: 'Cannot build scratch schema from "0001_a.sql": its SQL fails, and it holds a password, so no more is ' +
      "shown; correct the file",
  });
});

Deno.test("buildSchemas() names the file that fails", async () => {
  await assert.rejects(buildSchemas([{ name: "0001_a.sql", text: "create table a (id nope);" }]), {
    name: "TaskError",
    message: 'Cannot build scratch schema from "0001_a.sql": type "nope" does not exist; correct the file',
  });
});
