import assert from "node:assert/strict";
import { runGuarded } from "./apply.ts";
import { withTransaction } from "../postgres/connection.ts";
import { scanSql } from "../sql/scan.ts";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { runOn } from "../../../tests/support/migrate_here.ts";

Deno.test("runGuarded() throws when the file has ended the transaction", async () => {
  await using database = await createTestDatabase();
  for (const text of ["create table a (id int); commit", "rollback", "rollback; begin"]) {
    const { statements } = scanSql(text);
    const file = { version: 1, name: "0001_a.sql", path: "a", text, statements, checksum: "", transaction: true };
    await assert.rejects(
      withTransaction(database.sql, "", (tx) => runGuarded(runOn(tx), file)),
      /it ended the runner's transaction, so a part of it may stay/,
    );
  }
});
