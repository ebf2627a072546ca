import assert from "node:assert/strict";
import { join } from "node:path";
import { openDatabase } from "../tasks/lib/postgres/database.ts";
import { lockFile } from "../tasks/lib/task/file_lock.ts";
import { openReport } from "../tasks/lib/task/console.ts";
import { ROOT, runCommand, UNSET } from "./support/command.ts";

/** A directory below data, and what tasks need to use it for the embedded database. */
async function withDirectory(use: (env: { EMBEDDED_DIR: string }, path: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ dir: "data", prefix: "test-" });
  try {
    await use({ EMBEDDED_DIR: `${home}/pglite` }, join(ROOT, home, "pglite"));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("db:reset makes the embedded database anew, and db:seed adds to it again", () =>
  withDirectory(async (env, path) => {
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/PG_VERSION`, "damaged");
    const { code, stdout, stderr } = await runCommand("db:reset", ["--yes", "--seed"], { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Reset embedded database in data\/test-\S+: \d+ migrations applied, demo rows added\n$/);
    const seeded = await runCommand("db:seed", ["--rows", "1100"], { env });
    assert.match(seeded.stdout, /checks \+100\b/, seeded.stderr);
    const named = await runCommand("db:seed", ["--database", "postgres"], { env });
    assert.deepEqual([named.code, /; leave --database out\n$/.test(named.stderr)], [3, true]);
  }));

Deno.test("db:reset refuses an EMBEDDED_DIR that holds something else", () =>
  withDirectory(async (env, path) => {
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/notes.txt`, "mine");
    const asked = await runCommand("db:reset", [], { env });
    assert.deepEqual([asked.code, /no terminal to ask on; pass --yes if/.test(asked.stderr)], [2, true]);
    const { code, stderr } = await runCommand("db:reset", ["--yes"], { env });
    assert.equal(code, 3);
    assert.match(stderr, /the directory holds something else; point EMBEDDED_DIR at a directory of its own/);
    assert.equal(await Deno.readTextFile(`${path}/notes.txt`), "mine");
  }));

Deno.test("db:reset leaves the embedded database as it was when a migration fails", async () => {
  const project = await Deno.makeTempDir({ prefix: "heretix-reset-" });
  const migrations = join(project, "sql/migrations");
  const directory = join(project, "data/pglite");
  const open = () =>
    openDatabase({ kind: "embedded", directory, local: true, label: "a test's" }, {
      report: openReport({ quiet: true }),
    });
  try {
    await Deno.mkdir(migrations, { recursive: true });
    await Deno.writeTextFile(join(migrations, "0001_good.sql"), "create table good (id int);");
    await Deno.writeTextFile(join(migrations, "0002_bad.sql"), "create table bad (id nope);");
    {
      await using database = await open();
      await database.sql.unsafe("create table good (id int); insert into good values (42)");
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", "--no-prompt", join(ROOT, "tasks/db_reset.ts"), "--yes"],
      cwd: project,
      env: { ...UNSET, NO_COLOR: "1" },
    }).output();
    assert.equal(code, 1);
    assert.match(new TextDecoder().decode(stderr), /0002_bad\.sql.*type "nope" does not exist/);
    await using database = await open();
    assert.deepEqual((await database.sql`select id from good`).map(({ id }) => id), [42]);
    const names = (await Array.fromAsync(Deno.readDir(join(project, "data")), ({ name }) => name)).sort();
    assert.deepEqual(names, ["pglite", "pglite.lock"]);
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

Deno.test("tasks refuse an EMBEDDED_DIR that a link leads out of data, and make nothing there", async () => {
  const elsewhere = await Deno.makeTempDir();
  try {
    await withDirectory(async ({ EMBEDDED_DIR }, path) => {
      await Deno.symlink(elsewhere, path);
      for (const [task, ...args] of [["migrate"], ["db:reset", "--yes"]]) {
        const { code, stderr } = await runCommand(task, args, { env: { EMBEDDED_DIR: `${EMBEDDED_DIR}/db` } });
        assert.deepEqual([code, /EMBEDDED_DIR: a link is on the way to it/.test(stderr)], [2, true], stderr);
      }
      assert.deepEqual(await Array.fromAsync(Deno.readDir(elsewhere)), []);
    });
  } finally {
    await Deno.remove(elsewhere, { recursive: true });
  }
});

Deno.test("every task waits --wait seconds for the embedded database, then names who has it", () =>
  withDirectory(async ({ EMBEDDED_DIR }, path) => {
    using _lock = await lockFile(`${path}.lock`, { what: "it" });
    const env = { EMBEDDED_DIR, EXPORT_DIR: `${EMBEDDED_DIR}.exports` };
    const holder = `process ${Deno.pid}`;
    const ending = `Waiting for the embedded database in ${EMBEDDED_DIR}, which ${holder} holds\n` +
      `Cannot lock embedded database in ${EMBEDDED_DIR}: ${holder} holds it; wait for it to end\n`;
    const tasks = [["migrate"], ["db:reset", "--yes"], ["db:seed"], ["db:check"], ["db:diff"], ["export"]];
    await Promise.all(tasks.map(async ([task, ...args]) => {
      const start = performance.now();
      const { code, stderr } = await runCommand(task, [...args, "--wait", "1"], { env });
      assert.ok(stderr.endsWith(ending), `${task}: ${stderr}`);
      assert.equal(code, 5, task);
      const seconds = (performance.now() - start) / 1000;
      assert.ok(seconds >= 1 && seconds < 9, `${task}: ${seconds} s`);
    }));
  }));
