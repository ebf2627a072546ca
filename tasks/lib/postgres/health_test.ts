import assert from "node:assert/strict";
import { createTestDatabase } from "../../../tests/support/database.ts";
import { findProblems, formatHealth, type LedgerFacts, readServerFacts, type ServerFacts } from "./health.ts";

const SERVER: ServerFacts = {
  version: "16.4",
  major: 16,
  tls: null,
  latencyMs: 1.25,
  clockSkewMs: 3,
  recovery: false,
  readOnly: false,
  invalidIndexes: [],
  rows: [
    { table: "checks", rows: 1_200_000, exact: false },
    { table: "hidden", rows: null, exact: false },
    { table: "users", rows: 12, exact: true },
  ],
};
const LEDGER: LedgerFacts = { applied: 13, pending: [], conflicts: [] };

Deno.test("findProblems() finds none in a healthy database", () => {
  assert.deepEqual(findProblems(SERVER, LEDGER), []);
  assert.deepEqual(findProblems({ ...SERVER, recovery: true, readOnly: true }, LEDGER), []);
});

Deno.test("findProblems() tells every problem in one line", () => {
  const server = { ...SERVER, major: 15, clockSkewMs: -7250, invalidIndexes: ["ix_a", "ix_b"] };
  const ledger = { applied: 1, pending: ["0002_b.sql", "0003_c.sql"], conflicts: ["0001_a.sql: it was edited"] };
  assert.deepEqual(findProblems(server, ledger), [
    "0001_a.sql: it was edited",
    "2 migrations are pending, from 0002_b.sql; run deno task migrate",
    "the server is version 15, the migrations need 16; upgrade it",
    "invalid indexes: ix_a, ix_b; drop them and build them again",
    "the server's clock is 7.3 s behind this machine's; set the one that is wrong",
  ]);
});

Deno.test("formatHealth() tells counted rows from estimated ones", () => {
  assert.deepEqual(
    formatHealth(SERVER, LEDGER, { label: "u@h:5432/d", problems: ["it is slow"], notes: ["it is old"] }),
    [
      "u@h:5432/d is not healthy",
      "server      PostgreSQL 16.4, no TLS, primary, read-write",
      "latency     1.25 ms",
      "clock       in step with this machine's",
      "migrations  13 applied, 0 pending",
      "rows        checks about 1200000 (estimate)",
      "            hidden unknown (not readable, locked, or large and never analyzed)",
      "            users 12",
      "note        it is old",
      "problem     it is slow",
    ],
  );
});

Deno.test("readServerFacts() reads a real server", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe(
    `create table a (id int); insert into a select generate_series(1, 7); create table "B c" (id int);
    create index ix_a on a (id); update pg_index set indisvalid = false where indexrelid = 'ix_a'::regclass`,
  );
  const facts = await readServerFacts(database.sql);
  assert.equal(facts.major, 16);
  assert.match(facts.version, /^16\.\d+$/);
  assert.ok(facts.latencyMs > 0 && Math.abs(facts.clockSkewMs) < 1000);
  assert.deepEqual(facts.rows, [{ table: "B c", rows: 0, exact: true }, { table: "a", rows: 7, exact: true }]);
  assert.deepEqual(facts.invalidIndexes, ["ix_a"]);
  assert.deepEqual([facts.recovery, facts.readOnly, facts.tls], [false, false, null]);
});

Deno.test("readServerFacts() tells a database that was made read-only", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("set default_transaction_read_only = on");
  assert.equal((await readServerFacts(database.sql)).readOnly, true);
});

Deno.test("readServerFacts() estimates the rows of a large table once it is analyzed", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe(`create unlogged table large (t text storage plain) with (autovacuum_enabled = off);
    insert into large select repeat('x', 8000) from generate_series(1, 8400)`);
  assert.deepEqual((await readServerFacts(database.sql)).rows, [{ table: "large", rows: null, exact: false }]);
  await database.sql.unsafe("analyze large");
  assert.deepEqual((await readServerFacts(database.sql)).rows, [{ table: "large", rows: 8400, exact: false }]);
});
