import type { DatabaseSync } from "node:sqlite";

/** Reads a table in pages of neighbouring rowids. */
export interface Pager {
  /** Calls `read` with the bounds of each page, which holds a row at least, in ascending order until no row is left.
   *
   * A page is a few statements of some milliseconds, between which nothing is locked. `place` is the column of the rowid.
   */
  each(table: string, place: string, read: (from: bigint, to: bigint) => void): void;
}

/** Milliseconds that a page is to take. */
const PAGE_MS = { least: 8, most: 25 };

/** Rowids in a page; the first is of one row, which may be large. */
const PAGE_PLACES = { first: 1n, most: 32_768n };

/** The ends of SQLite's rowids. */
const PLACES = { first: -(2n ** 63n), last: 2n ** 63n - 1n };

/** A pager, whose pages follow the speed of the disk and the size of the rows; `onPage` is called after each. */
export function createPager(db: DatabaseSync, onPage: () => void): Pager {
  return {
    each(table, place, read) {
      const next = db.prepare(`select min(${place}) as first from ${table} where ${place} >= ?`);
      next.setReadBigInts(true);
      const firstFrom = (from: bigint) => next.get(from)!.first as bigint | null;
      let places = PAGE_PLACES.first;
      for (let from = firstFrom(PLACES.first); from !== null;) {
        const start = performance.now();
        const to = from > PLACES.last - places ? PLACES.last : from + places - 1n;
        read(from, to);
        onPage();
        from = to === PLACES.last ? null : firstFrom(to + 1n);
        places = paced(places, performance.now() - start);
      }
    },
  };
}

function paced(places: bigint, elapsedMs: number): bigint {
  if (elapsedMs < PAGE_MS.least && places < PAGE_PLACES.most) return places * 2n;
  return elapsedMs > PAGE_MS.most && places > 1n ? places / 2n : places;
}
