import assert from "node:assert/strict";
import { diffSchemas } from "../tasks/lib/schema/schema.ts";
import { readSchema } from "../tasks/lib/schema/read.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { migrateHere } from "./support/migrate_here.ts";
import { createProject, finish, type MigrationProject, waitForRow } from "./support/migrations.ts";

/** How many times all runners are ended at random; more of them take longer and find more. */
const ROUNDS = Number(Deno.env.get("CRASH_ROUNDS") || 4);

/** The same seed ends the same runners in the same ways, as far as the machine is as fast. */
const SEED = Number(Deno.env.get("CRASH_SEED") || Math.floor(Math.random() * 2 ** 31));

const RUNNERS = 4;
const COUNT = 8;
const INDEX_VERSION = 4;

const nameOf = (version: number) => `000${version}_file.sql`;

const FILES = Object.fromEntries(
  Array.from({ length: COUNT }, (_, index) => index + 1).map((version) => [
    nameOf(version),
    version === INDEX_VERSION
      ? "-- migrate: no-transaction\ncreate index concurrently an_index on log (version);\n"
      : `${
        version === 1
          ? "create table log (version int);\ninsert into log select 0 from generate_series(1, 200000);\n"
          : ""
      }` +
        `create table t${version} (id int);\nselect pg_sleep(0.1);\ninsert into log values (${version});\n`,
  ]),
);

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Sessions of runners. */
const RUNNER_SESSIONS = `select pid from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;

/** Ends a runner, or the session of the one that is at work, after a while that is shorter than all files take. */
async function endOnce(project: MigrationProject, child: Deno.ChildProcess, random: () => number): Promise<void> {
  const delayMs = 1000 * random();
  const way = (["SIGKILL", "SIGKILL", "SIGINT", "terminate"] as const)[Math.floor(4 * random())];
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (way === "terminate") {
    await project.database.sql`
      select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
        and database = (select oid from pg_database where datname = current_database())`;
    return;
  }
  try {
    child.kill(way);
  } catch {
    // It has ended already.
  }
}

/** Looks at everything that the files make, and gives the length of the ledger: the prefix of files that is there. */
async function assertPrefix({ database, ledger }: MigrationProject): Promise<number> {
  const names = await ledger();
  const applied = names.length;
  assert.deepEqual(names, Object.keys(FILES).slice(0, applied));
  const versions = Array.from({ length: applied }, (_, index) => index + 1).filter((v) => v !== INDEX_VERSION);
  const tables = await database.sql`
    select relname as name from pg_class where relkind = 'r' and relname ~ '^t\\d' order by 1`;
  assert.deepEqual(tables.map(({ name }) => name), versions.map((version) => `t${version}`));
  if (applied > 0) {
    const log = await database.sql`select version from log where version > 0 order by 1`;
    assert.deepEqual(log.map(({ version }) => version), versions, "each file has run once");
  }
  const [index] = await database
    .sql`select indisvalid as valid from pg_index where indexrelid = to_regclass('an_index')`;
  if (applied >= INDEX_VERSION) assert.equal(index?.valid, true);
  if (applied < INDEX_VERSION - 1) assert.equal(index, undefined);
  return applied;
}

async function waitUntilAlone(database: TestDatabase): Promise<void> {
  await waitForRow(database, `select where not exists (${RUNNER_SESSIONS})`);
}

Deno.test(`${RUNNERS} runners ended ${ROUNDS} times at random leave a prefix, and the next run converges`, async () => {
  console.log(`CRASH_SEED=${SEED}`);
  const random = randomFrom(SEED);
  await using fresh = await createTestDatabase();
  await migrateHere(fresh.url, FILES);
  const wanted = await readSchema(fresh.sql);
  const prefixes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await using project = await createProject(FILES);
    const children = Array.from({ length: RUNNERS }, () => project.start());
    const ended = children.map(finish);
    await waitForRow(project.database, "select from pg_locks where locktype = 'advisory' and granted");
    await Promise.all(children.map((child) => endOnce(project, child, random)));
    for (const { code, stderr } of await Promise.all(ended)) {
      assert.ok([0, 1, 130, 137].includes(code), `${code} ${stderr}`);
      assert.equal(stderr.includes("    at "), false, stderr);
    }
    await waitUntilAlone(project.database);
    prefixes.push(await assertPrefix(project));
    const last = await project.migrate();
    assert.equal(last.code, 0, last.stderr);
    assert.equal(await assertPrefix(project), COUNT);
    assert.deepEqual(diffSchemas(wanted, await readSchema(project.database.sql)), []);
  }
  console.log(`ended behind ${prefixes.join(", ")} of ${COUNT} files`);
});
