import assert from "node:assert/strict";
import { parseConcurrentIndex } from "./no_transaction.ts";

Deno.test("parseConcurrentIndex() reads name, table and definition", () => {
  assert.deepEqual(
    parseConcurrentIndex(
      'create UNIQUE index concurrently if not exists "My ""ix" on public."T" using btree (a) where a > 1;',
    ),
    { name: 'My "ix', table: 'public."T"', unique: true, definition: " using btree (a) where a > 1" },
  );
  assert.equal(parseConcurrentIndex("create index concurrently Ix on t(a)")?.name, "ix");
});

Deno.test("parseConcurrentIndex() takes no other statement, and no index without a name", () => {
  for (const text of ["create index ix on t (a)", "drop index concurrently ix", "create index concurrently on t (a)"]) {
    assert.equal(parseConcurrentIndex(text), undefined, text);
  }
});
