import assert from "node:assert/strict";
import { closeConnection, connect, type Sql } from "../tasks/lib/postgres/connection.ts";
import { copyOut } from "../tasks/lib/postgres/copy_out.ts";
import { certificateFile, parseDatabaseUrl } from "../tasks/lib/task/target.ts";
import { createAuthority, opensslTest } from "./support/certificates.ts";
import { startCluster } from "./support/cluster.ts";
import { connectTo, testUrl } from "./support/database.ts";

const PATIENCE = { label: "me@host:5432/db", idleMs: 60_000, startMs: 60_000 };

const copyOf = (select: string) => `copy (${select}) to stdout`;

/** A COPY of whole numbers from 1 on, each before so many letters. */
const numbers = (count: number, letters = 0) =>
  copyOf(`select n, repeat('x', ${letters}) from generate_series(1, ${count}) as n`);

const open = () => connectTo(testUrl("postgres"));

/** Rows of a COPY in its text format. */
async function readRows(sql: Sql, text: string): Promise<string[]> {
  const [rows, decoder] = [[] as string[], new TextDecoder()];
  const take = (bytes: Uint8Array, start: number, end: number) =>
    void rows.push(decoder.decode(bytes.subarray(start, end)));
  await copyOut(sql, text, { take, patience: PATIENCE });
  return rows;
}

const expectAnswer = async (sql: Sql) => assert.deepEqual([...await sql`select 7 as n`], [{ n: 7 }]);

Deno.test("copyOut() gives every row whole and in order, of any size, also of a COPY right after another one", async () => {
  await using sql = await open();
  for (const [count, letters] of [[0, 0], [1, 0], [30_000, 3], [400, 50_000], [3, 20_000_000], [2, 0]]) {
    const rows = await readRows(sql, numbers(count, letters));
    assert.equal(rows.length, count);
    const tail = `\t${"x".repeat(letters)}\n`;
    assert.ok(rows.every((row, at) => row === `${at + 1}${tail}`), `${count} rows of ${letters} letters`);
  }
  await expectAnswer(sql);
});

Deno.test("copyOut() gives the error of a server that fails before, in and behind the rows, and leaves the session as it was", async () => {
  await using sql = await open();
  const failing: [text: string, code: string, rows: number][] = [
    ["copy nowhere to stdout", "42P01", 0],
    [copyOf("select 1 / 0"), "22012", 0],
    [copyOf("select 1 / (5000 - n), repeat('x', 100) from generate_series(1, 9000) as n"), "22012", 4999],
    [copyOf("select n, 1 / (9000 - n) from generate_series(1, 9000) as n"), "22012", 8999],
  ];
  for (const [text, code, rows] of failing) {
    let taken = 0;
    await assert.rejects(copyOut(sql, text, { take: () => void taken++, patience: PATIENCE }), { code });
    assert.ok(taken <= rows, `${taken} rows`);
    await expectAnswer(sql);
    assert.equal((await readRows(sql, numbers(10))).length, 10);
  }
});

Deno.test("copyOut() ends the session with what its taker throws, and gives it no further row", async () => {
  for (const fails of ["at once", "later"]) {
    const sql = await open();
    await using _cut = { [Symbol.asyncDispose]: () => closeConnection(sql, 0) };
    let taken = 0;
    const error = new Error("enough");
    const take = (): Promise<void> | undefined => {
      taken++;
      if (taken < 3) return;
      if (fails === "at once") throw error;
      return Promise.reject(error);
    };
    await assert.rejects(copyOut(sql, numbers(1_000_000), { take, patience: PATIENCE }), error);
    if (fails === "at once") assert.equal(taken, 3);
    await assert.rejects(expectAnswer(sql));
  }
});

/** How many rows still come when the taker of one of them has the server wait. */
async function rowsWhileWaiting(sql: Sql, at: number): Promise<number> {
  let taken = 0;
  const wait = Promise.withResolvers<void>();
  const take = (): Promise<void> | undefined => ++taken === at ? wait.promise : undefined;
  const copy = copyOut(sql, numbers(20_000, 1000), { take, patience: { ...PATIENCE, idleMs: 100 } });
  await new Promise((resolve) => setTimeout(resolve, 400));
  const late = taken - at;
  wait.resolve();
  await copy;
  assert.equal(taken, 20_000);
  return late;
}

Deno.test("copyOut() lets the server wait while its taker does, from the first row on, and takes that for no stall", async () => {
  await using sql = await open();
  for (const at of [1, 2, 500]) {
    const late = await rowsWhileWaiting(sql, at);
    assert.ok(late < 300, `${late} rows came behind row ${at}`);
  }
  await expectAnswer(sql);
});

Deno.test("copyOut() resolves only when what its taker waits for last has come", async () => {
  await using sql = await open();
  let isOver = false;
  const take = (): Promise<void> =>
    new Promise((resolve) =>
      setTimeout(() => {
        isOver = true;
        resolve();
      }, 100)
    );
  await copyOut(sql, numbers(1), { take, patience: PATIENCE });
  assert.ok(isOver);
});

Deno.test("copyOut() tells a connection that is lost in mid-COPY", async () => {
  await using sql = await open();
  await using other = await open();
  const [{ pid }] = await sql`select pg_backend_pid() as pid`;
  let isKilled = false;
  const take = (): Promise<void> | undefined => {
    if (isKilled) return undefined;
    isKilled = true;
    return other`select pg_terminate_backend(${pid})`.then(() => {});
  };
  const copy = copyOut(sql, numbers(1_000_000, 100), { take, patience: PATIENCE });
  await assert.rejects(copy, (error: { code: string }) => /^(57P01|CONNECTION_\w+|ECONNRESET)$/.test(error.code));
});

Deno.test("a session has its own rows again when a COPY has ended", async () => {
  await using sql = await open();
  await readRows(sql, numbers(3));
  assert.equal((await sql`select n from generate_series(1, 20000) as n`).length, 20_000);
  const stream = await sql.unsafe(numbers(5)).readable();
  const texts: string[] = [];
  for await (const chunk of stream) texts.push(new TextDecoder().decode(chunk as Uint8Array));
  assert.equal(texts.join(""), "1\t\n2\t\n3\t\n4\t\n5\t\n");
});

opensslTest("copyOut() gives every row whole and in order over TLS, and lets the server wait there too", async () => {
  await using cluster = await startCluster();
  const { path, issue } = await createAuthority(cluster.temporary);
  await cluster.stop();
  await cluster.start({ ...await issue("DNS:localhost") });
  const url = new URL(`${cluster.url}?sslmode=verify-full`);
  url.hostname = "localhost";
  const sql = await connect(parseDatabaseUrl(url.href, certificateFile(path, "DATABASE_CA")));
  await using _end = { [Symbol.asyncDispose]: () => closeConnection(sql) };
  const [{ ssl }] = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
  assert.equal(ssl, true);
  const rows = await readRows(sql, numbers(300, 100_000));
  const tail = `\t${"x".repeat(100_000)}\n`;
  assert.ok(rows.length === 300 && rows.every((row, at) => row === `${at + 1}${tail}`));
  const late = await rowsWhileWaiting(sql, 1);
  assert.ok(late < 300, `${late} rows came`);
});
