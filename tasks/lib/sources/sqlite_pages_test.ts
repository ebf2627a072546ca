import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { createPager } from "./sqlite_pages.ts";

/** Pages of a table with the given rowids, each of which takes `ms` a row to read. */
function pagesOf(
  rowids: Iterable<number>,
  msOf: (rows: number) => number,
): { from: bigint; to: bigint; rows: number }[] {
  using db = new DatabaseSync(":memory:");
  db.exec("create table t (x); begin");
  for (const rowid of rowids) db.prepare("insert into t (rowid) values (?)").run(BigInt(rowid));
  db.exec("commit");
  const count = db.prepare("select count(*) as rows from t where rowid between ? and ?");
  const pages: { from: bigint; to: bigint; rows: number }[] = [];
  createPager(db, () => {}).each("t", "rowid", (from, to) => {
    const rows = Number(count.get(from, to)!.rows);
    pages.push({ from, to, rows });
    for (const end = performance.now() + msOf(rows); performance.now() < end;);
  });
  return pages;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

Deno.test("createPager() gives each row once, in pages that grow while they are quick", () => {
  const pages = pagesOf(numbers(1000), () => 0);
  assert.equal(pages.reduce((sum, { rows }) => sum + rows, 0), 1000);
  assert.deepEqual(pages.map(({ rows }) => rows).slice(0, 5), [1, 2, 4, 8, 16]);
  pages.slice(1).forEach(({ from }, index) => assert.ok(from > pages[index].to));
});

Deno.test("createPager() makes pages smaller when they are slow", () => {
  const pages = pagesOf(numbers(40), (rows) => rows > 4 ? 30 : 0);
  assert.ok(pages.every(({ rows }) => rows <= 8));
  assert.ok(pages.filter(({ rows }) => rows > 4).length < pages.length / 2);
});

Deno.test("createPager() gives no page too many rows, however quick they are", () => {
  const rows = pagesOf(numbers(120_000), () => 0).map(({ rows }) => rows);
  assert.ok(Math.max(...rows) <= 32_768);
  assert.equal(rows[0], 1);
});

Deno.test("createPager() passes over gaps at once", () => {
  assert.deepEqual(pagesOf([-5, 1, 2 ** 40], () => 0).map(({ rows }) => rows), [1, 1, 1]);
});

Deno.test("createPager() tells the end of every page", () => {
  using db = new DatabaseSync(":memory:");
  db.exec("create table t (x); insert into t values (1), (2), (3)");
  let pages = 0;
  const pager = createPager(db, () => {
    if (++pages === 2) throw new Error("changed");
  });
  assert.throws(() => pager.each("t", "rowid", () => {}), { message: "changed" });
});
