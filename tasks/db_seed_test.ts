import assert from "node:assert/strict";
import { runCommand } from "./testing/command.ts";

Deno.test("db:seed refuses a host that is not local before it connects", async () => {
  const { code, stderr } = await runCommand("db:seed", [], {
    env: { DATABASE_URL: "postgresql://u:topsecret@db.example.com/shop" },
  });
  assert.equal(code, 3);
  assert.equal(
    stderr,
    'Cannot seed database "u@db.example.com:5432/shop": its host is not local; point DATABASE_URL at a local database\n',
  );
});

Deno.test("db:seed takes whole numbers only", async () => {
  assert.equal((await runCommand("db:seed", ["--rows", "0"])).code, 2);
});
