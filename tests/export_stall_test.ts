import assert from "node:assert/strict";
import { closeConnection } from "../tasks/lib/postgres/connection.ts";
import type { TableSource } from "../tasks/lib/dataset/source.ts";
import { connectTo } from "./support/database.ts";
import { createExporter, type Exporter, fileStates, finish, insertChecks, listDebris } from "./support/exporter.ts";
import { readWhole, withChecks } from "./support/source.ts";

/** Far more than the sockets between a server and its client hold. */
const ROWS = 3000;

/** An exporter with rows of 30 KB, 96 MB of them in all, on three days. */
async function createLong(): Promise<Exporter> {
  const exporter = await createExporter();
  const { database } = exporter;
  await insertChecks(database, 1, ROWS, "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 minute'");
  await database.sql`update checks set claim = repeat(md5(run_id), 1000)`;
  return exporter;
}

/** Stops a process until it is disposed, or for 20 s, so that who waits for it fails in the end. */
function stop(pid: number): Disposable {
  const resume = () => Deno.kill(pid, "SIGCONT");
  Deno.kill(pid, "SIGSTOP");
  const timer = setTimeout(resume, 20_000);
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      resume();
    },
  };
}

/** Waits until the exporter's session sends rows, and gives its process. */
async function waitForCopy({ database: { sql } }: Exporter): Promise<number> {
  for (;;) {
    const [row] = await sql`
      select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and query like 'copy %' and wait_event = 'ClientWrite'`;
    if (row) return row.pid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Opens the source on a session of its own; `stopNow` stops its server's process until all is over. */
async function withSource<T>(
  { database }: Exporter,
  patience: { idleMs: number; startMs: number },
  { early, use }: { early?: boolean; use: (source: TableSource, stopNow: () => void) => Promise<T> },
): Promise<T> {
  using stack = new DisposableStack();
  const sql = await connectTo(database.url);
  await using _cut = { [Symbol.asyncDispose]: () => closeConnection(sql, 0) };
  const [{ pid }] = await sql`select pg_backend_pid() as pid`;
  const stopNow = () => void stack.use(stop(pid));
  if (early) stopNow();
  return await withChecks(sql, (source) => use(source, stopNow), patience);
}

const stalled = (what: string) =>
  new RegExp(`^TaskError: Cannot export database "me@host:5432/db": it has not sent ${what} for 0.5 s; `);

Deno.test("export from a server that stops in mid-COPY fails in one line, replaces nothing and lets go of the lane", async () => {
  await using exporter = await createLong();
  await exporter.database.sql`delete from checks where created_at >= '2025-09-02'`;
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  await insertChecks(exporter.database, 10_000, 13_000, "timestamptz '2025-09-02 00:00:00+00' + n * interval '1 s'");
  await exporter.database.sql`update checks set claim = repeat(md5(run_id), 1000)`;
  const child = exporter.start("export.ts", ["--idle-timeout", "1"]);
  const pid = await waitForCopy(exporter);
  const { code, stdout, stderr } = await (async () => {
    using _stopped = stop(pid);
    return await finish(child);
  })();
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^Cannot export database "postgres@127.0.0.1:\d+\/test_\w+": it has not sent a row for 1 s; see what holds it up, or allow more with --idle-timeout\n$/,
  );
  assert.equal(stdout, "");
  assert.deepEqual(await fileStates(exporter.lane), before);
  assert.deepEqual(await listDebris(exporter.lane), []);
  const again = await exporter.export(["--wait", "0"]);
  assert.equal(again.code, 0, again.stderr);
});

Deno.test("export --idle-timeout takes whole seconds from 1", async () => {
  await using exporter = await createExporter();
  for (const seconds of ["0", "1.5", "-1", "x"]) {
    const { code, stderr } = await exporter.export([`--idle-timeout=${seconds}`]);
    assert.equal(code, 2);
    assert.match(stderr, /^Cannot run task "export": --idle-timeout takes a whole number of at least 1, not /);
  }
});

Deno.test("withPostgresSource() bears a consumer that takes far longer than idleMs for its rows", async () => {
  await using exporter = await createLong();
  const rows = await withSource(exporter, { idleMs: 200, startMs: 60_000 }, {
    use: async (source) => {
      let pauses = 0;
      const { rows } = await readWhole(source, () => {
        if (++pauses % 500 === 1) return new Promise((resolve) => setTimeout(resolve, 500));
      });
      return rows;
    },
  });
  assert.equal(rows, ROWS);
});

Deno.test("withPostgresSource() gives up a server that stops before it has compared the days", async () => {
  await using exporter = await createExporter();
  const use = () => Promise.reject(new Error("it was opened"));
  const opening = withSource(exporter, { idleMs: 60_000, startMs: 500 }, { early: true, use });
  await assert.rejects(opening, stalled("its days"));
});

Deno.test("withPostgresSource() gives up a server that stops before it has sent a row", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 10);
  const use = async (source: TableSource, stopNow: () => void) => {
    stopNow();
    await readWhole(source);
  };
  await assert.rejects(withSource(exporter, { idleMs: 500, startMs: 500 }, { use }), stalled("a row"));
});

Deno.test("withPostgresSource() does not wait for a transaction that a stopped server does not end", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 10);
  const use = async (source: TableSource, stopNow: () => void) => {
    await readWhole(source);
    stopNow();
  };
  const reading = withSource(exporter, { idleMs: 500, startMs: 60_000 }, { use });
  await assert.rejects(reading, stalled("the end of its transaction"));
});
