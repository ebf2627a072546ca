import type { DatabaseSync } from "node:sqlite";

/** Reads a table in pages of consecutive rowids. */
export interface Pager {
  /** Calls `read` with the first and the last rowid of each page, in ascending order, until no row is left.
   *
   * A page is a few statements of some milliseconds, between which nothing is locked. `place` is the column of the rowid.
   */
  each(table: string, place: string, read: (from: bigint, to: bigint) => void): void;
}

/** Milliseconds that a page is to take. */
const PAGE_MS = { least: 8, most: 25 };

/** Rows in a page. */
const PAGE_ROWS = { first: 500, most: 20_000 };

/** The ends of SQLite's rowids. */
const ROWIDS = { first: -(2n ** 63n), last: 2n ** 63n - 1n };

/** A pager, whose pages follow the speed of the disk and the size of the rows; `onPage` is called after each. */
export function createPager(db: DatabaseSync, onPage: () => void): Pager {
  let limit: number = PAGE_ROWS.first;
  const pace = (elapsedMs: number) => {
    if (elapsedMs < PAGE_MS.least) limit = Math.min(limit * 2, PAGE_ROWS.most);
    if (elapsedMs > PAGE_MS.most) limit = Math.max(limit >> 1, 1);
  };
  return {
    each(table, place, read) {
      limit = Math.min(limit, PAGE_ROWS.first);
      const end = db.prepare(`
        select max(place) as last
        from (select ${place} as place from ${table} where ${place} >= ? order by ${place} limit ?)`);
      end.setReadBigInts(true);
      for (let from = ROWIDS.first;;) {
        const start = performance.now();
        const last = end.get(from, limit)!.last as bigint | null;
        if (last === null) return;
        read(from, last);
        onPage();
        pace(performance.now() - start);
        if (last === ROWIDS.last) return;
        from = last + 1n;
      }
    },
  };
}
