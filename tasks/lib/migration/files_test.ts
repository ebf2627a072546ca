import assert from "node:assert/strict";
import { writeNewMigration } from "./files.ts";

Deno.test("writeNewMigration() writes the next number, in lower case, as an empty file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assert.equal(await writeNewMigration("Add Owner-Index", { directory }), `${directory}/0001_add_owner_index.sql`);
    const second = await writeNewMigration("second", { directory, transaction: false });
    assert.equal(second, `${directory}/0002_second.sql`);
    assert.equal(await Deno.readTextFile(second), "-- migrate: no-transaction\n");
    await assert.rejects(writeNewMigration("drop; table", { directory }), { exitCode: 2 });
    await Deno.rename(second, `${directory}/0004_gap.sql`);
    await assert.rejects(writeNewMigration("third", { directory }), { exitCode: 3 });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
