import assert from "node:assert/strict";
import type { Migration } from "./files.ts";
import { type LedgerRow, planMigrations } from "./plan.ts";

const file = (version: number, checksum = `sum ${version}`): Migration => ({
  version,
  name: `000${version}_name.sql`,
  path: "",
  text: "",
  statements: [],
  checksum,
  transaction: true,
});

const row = (version: number, changes: Partial<LedgerRow> = {}): LedgerRow => ({
  version,
  name: `000${version}_name.sql`,
  checksum: `sum ${version}`,
  kind: "applied",
  appliedAt: "2025-01-01T00:00:00.000Z",
  appliedBy: "user",
  durationMs: 1,
  ...changes,
});

Deno.test("planMigrations() takes the files behind the ledger, up to `to`", () => {
  const files = [file(1), file(2), file(3)];
  const plan = planMigrations(files, [row(1, { kind: "baseline" })], { to: 2 });
  assert.deepEqual(plan.entries.map(({ state }) => state), ["baseline", "pending", "pending"]);
  assert.deepEqual(plan.pending.map(({ version }) => version), [2]);
  assert.deepEqual(plan.findings, []);
});

Deno.test("planMigrations() lists every disagreement", () => {
  const plan = planMigrations([file(1, "other"), file(2), file(3)], [row(1), row(3, { name: "old.sql" }), row(4)]);
  assert.deepEqual(plan.entries.map(({ state }) => state), ["edited", "late", "renamed", "missing"]);
  assert.equal(plan.findings.length, 4);
});

Deno.test("planMigrations() lets late files and edits pass where it is told to", () => {
  const plan = planMigrations([file(1, "other"), file(2), file(3)], [row(1), row(3)], {
    acceptEdits: [1],
    allowOutOfOrder: true,
  });
  assert.deepEqual([plan.accepted.map(({ version }) => version), plan.pending.map(({ version }) => version)], [[1], [
    2,
  ]]);
  assert.deepEqual(plan.findings, []);
});

Deno.test("planMigrations() finds fault with accepting what was not edited", () => {
  assert.equal(planMigrations([file(1)], [row(1)], { acceptEdits: [1] }).findings.length, 1);
});
